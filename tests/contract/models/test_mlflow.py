"""`mlflow://` by MLflow's own client, on a real tracking server with a model registry."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.models.conftest import Commands

# The server alone takes a quarter of a minute to start.
pytestmark = pytest.mark.slow
REGISTER = Path(__file__).parent / "data" / "register.py"


class Server:
    """A running server, and what registers models in it."""

    def __init__(self, address: str, python: Path) -> None:
        self.address = address
        self._python = python

    def register(self, name: str, strength: float, *alias: str) -> str:
        """Train and register a version of `name`; return its number."""
        done = subprocess.run(
            [self._python, REGISTER, name, str(strength), *alias],
            env={**os.environ, "MLFLOW_TRACKING_URI": self.address, "GIT_PYTHON_REFRESH": "quiet"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]


@pytest.fixture(scope="module")
def server(
    client_python: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    python, folder, port = client_python("mlflow"), tmp_path_factory.mktemp("mlflow"), _free_port()
    command = [
        *(str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"),
        *("--artifacts-destination", f"{folder}/artifacts", "--serve-artifacts"),
    ]
    with (folder / "log").open("wb") as log:
        # It starts workers of its own, which its group takes with it.
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            # It leaves the lock of its database there.
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _until_healthy(address, process, folder / "log")
            yield Server(address, python)
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)


def test_a_registered_model_is_locked_at_its_version_and_used_offline(
    commands: Commands, server: Server
) -> None:
    algo = replace(commands, env={"MLFLOW_TRACKING_URI": server.address})
    first = server.register("iris", 1.0, "champion")
    algo.models('m = "mlflow://iris/champion"')
    (model,) = algo("lock")["models"]
    assert model["revision"] == first
    files = algo.files()
    assert {"m/MLmodel", "m/requirements.txt"} <= set(files)
    assert any(path.startswith("m/model.") for path in files), sorted(files)

    second = server.register("iris", 0.1, "champion")
    (model,) = algo("lock", "--check")["models"]
    assert (model["revision"], model["changed"]) == (first, True)
    (model,) = algo("lock", "--upgrade")["models"]
    assert model["revision"] == second
    assert algo.files() != files

    elsewhere = replace(commands, env={"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    sizes = {path.removeprefix("m/"): len(data) for path, data in algo.files().items()}
    assert elsewhere("run", "-d", "null") == sizes


def test_what_the_server_does_not_have_is_named(commands: Commands, server: Server) -> None:
    algo = replace(commands, env={"MLFLOW_TRACKING_URI": server.address})
    cases = {
        "mlflow://nobody/1": "model_not_found",
        "mlflow://nobody/champion": "model_not_found",
    }
    for value, code in cases.items():
        algo.models(f'm = "{value}"')
        assert algo("lock", code=1)["error"]["code"] == code

    algo.models('m = "mlflow://iris/1"')
    unset = commands("lock", code=1, MLFLOW_TRACKING_URI="")["error"]
    assert "export MLFLOW_TRACKING_URI" in unset["hint"]
    closed = commands("lock", code=3, MLFLOW_TRACKING_URI="http://127.0.0.1:9")["error"]
    assert closed["code"] == "model_unreachable"
