"""The peer: FastAPI and uvicorn with their own reload, in an environment of their own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.serving.project import ALGO, started

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER = "uvicorn --reload, FastAPI"
HERE = Path(__file__).parent
HOME = Path.home() / ".cache" / "algo-bench" / "uvicorn"


@contextlib.contextmanager
def uvicorn_serving(project: Path) -> Iterator[tuple[str, float]]:
    """Serve the same `src/` by uvicorn; give the URL and the seconds until the process began."""
    python = environment(project)
    (project / "peer.py").write_text((HERE / "peer_app.py").read_text())
    port = free_port()
    began = time.perf_counter()
    words = [str(python), "-m", "uvicorn", "peer:app", "--reload", "--port", str(port)]
    with started([*words, "--log-level", "warning"], project):
        yield f"http://127.0.0.1:{port}", time.perf_counter() - began
    (project / "peer.py").unlink()


def environment(project: Path) -> Path:
    """Return the Python of the peer's environment, with the project's own scikit-learn."""
    from uv import find_uv_bin

    ask = [ALGO, "exec", "--", "python", "-c", "import sklearn; print(sklearn.__version__)"]
    version = subprocess.run(ask, cwd=project, check=True, capture_output=True, text=True).stdout
    python = HOME / "bin" / "python"
    uv, pins = find_uv_bin(), str(HERE / "peer-requirements.txt")
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(HOME)], check=True)
    words = [uv, "pip", "install", "-q", "--python", str(python), "-r", pins]
    subprocess.run([*words, f"scikit-learn=={version.split()[-1]}"], check=True)
    return python


def free_port() -> int:
    """Return a free port."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
