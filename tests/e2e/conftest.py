"""The wheel, installed in a clean virtual environment, as users have it."""

from __future__ import annotations

import fcntl
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
def wheel_algo(session_cache: Path) -> str:
    """Build the wheel, install it in a clean virtual environment, return its `algo`.

    It is one for all processes that run the tests.
    """
    folder = session_cache.parent / "installed"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _install(folder)
            (folder / "done").touch()
    return str(folder / "venv" / "bin" / "algo")


def _install(folder: Path) -> None:
    from uv import find_uv_bin

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


@pytest.fixture
def installed(wheel_algo: str, algo_home: Path) -> Installed:
    """Return the installed command with a home of its own and no colour."""
    env = {**os.environ, "ALGO_HOME": str(algo_home), "NO_COLOR": "1"}
    env.pop("PYTHONPATH", None)
    return Installed(wheel_algo, env)
