"""The project's own virtual environment, `.venv`, with the development tools in it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys

from tests.machine import apt
from tests.machine.commands import output_of, succeeds
from tests.machine.places import REPOSITORY
from tests.machine.say import MachineError, say

VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
LOWEST = (3, 11)


def ensure() -> None:
    """Make sure that `.venv` has the project, editable, with all that it needs.

    Raises:
        MachineError: Python is too old, or a package can't be had.
    """
    stamp, wanted = VENV / "algo-stamp", _wanted()
    if PYTHON.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        say("the virtual environment .venv is up to date")
        return
    if not PYTHON.exists():
        _create()
    say("installing the project and its development tools into .venv")
    install = [uv(), "pip", "install", "--quiet", "--python", str(PYTHON)]
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    # uv's pip reads groups from the pyproject.toml of the folder it runs in.
    words = [*install, "--compile-bytecode", "--editable", ".[conda]", "--group", "dev"]
    output_of(words, timeout=1200, env=env, cwd=REPOSITORY)
    stamp.write_text(wanted, encoding="utf-8")


def _create() -> None:
    if sys.version_info < LOWEST:
        raise MachineError(f"Python {platform.python_version()} is too old: 3.11 is the lowest")
    say(f"creating .venv with Python {platform.python_version()}")
    if not succeeds([sys.executable, "-m", "ensurepip", "--version"]):
        apt.install("python3-venv")
    output_of([sys.executable, "-m", "venv", "--clear", VENV], timeout=300)


def uv() -> str:
    """Return uv: the environment's, the machine's, else one installed from its package."""
    ours = VENV / "bin" / "uv"
    if ours.exists():
        return str(ours)
    found = shutil.which("uv")
    if found:
        return found
    say("installing uv into .venv")
    output_of([PYTHON, "-m", "pip", "install", "--quiet", "uv"], timeout=600)
    return str(ours)


def _wanted() -> str:
    """Return a text that changes when the environment must be filled again."""
    description = (REPOSITORY / "pyproject.toml").read_bytes()
    parts = [hashlib.sha256(description).hexdigest(), str(REPOSITORY), platform.python_version()]
    return "\n".join(parts) + "\n"
