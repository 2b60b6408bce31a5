"""The wheel, installed in a clean virtual environment, as users have it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Installed:
    """The command as a user has it, with folders of its own."""

    algo: str
    env: dict[str, str]

    def run(
        self, *arguments: str, cwd: Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `algo` with `arguments` in `cwd`; with `check`, anything but 0 fails the test."""
        done = subprocess.run(
            [self.algo, *arguments],
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"algo {arguments}: {done.stderr}\n{done.stdout}"
        return done


@pytest.fixture(scope="session")
def wheel_algo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the wheel, install it in a clean virtual environment, return its `algo`."""
    from uv import find_uv_bin

    folder = tmp_path_factory.mktemp("installed")
    uv = find_uv_bin()
    quiet = {"check": True, "capture_output": True}
    subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(folder), "--python", sys.executable, str(ROOT)],
        **quiet,  # type: ignore[call-overload]
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([uv, "venv", "--python", sys.executable, str(folder / "venv")], **quiet)  # type: ignore[call-overload]
    python = folder / "venv" / "bin" / "python"
    install = [uv, "pip", "install", "--compile-bytecode", "--python", str(python), str(wheel)]
    subprocess.run(install, **quiet)  # type: ignore[call-overload]
    return str(folder / "venv" / "bin" / "algo")


@pytest.fixture
def installed(wheel_algo: str, algo_home: Path) -> Installed:
    """Return the installed command with a home of its own and no colour."""
    env = {**os.environ, "ALGO_HOME": str(algo_home), "NO_COLOR": "1"}
    env.pop("PYTHONPATH", None)
    return Installed(wheel_algo, env)
