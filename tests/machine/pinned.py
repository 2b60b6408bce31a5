"""Virtual environments of other people's packages, each made from a file of pins."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.machine.commands import output_of
from tests.machine.environment import uv
from tests.machine.places import REPOSITORY, cache_folder, locked
from tests.machine.say import MachineError, say

CLIENTS = REPOSITORY / "tests" / "runtimes" / "clients"


def client(name: str) -> Path:
    """Return the interpreter that has the client `name`, made from its pins when it is missing.

    Args:
        name: The file in `tests/runtimes/clients/`, without `.txt`.

    Raises:
        MachineError: There is no such file, or a package can't be had.
    """
    pins = CLIENTS / f"{name}.txt"
    if not pins.is_file():
        there = ", ".join(clients())
        raise MachineError(f"no client {name}: {CLIENTS.relative_to(REPOSITORY)} has {there}")
    return interpreter(pins)


def clients() -> list[str]:
    """Return the names of all clients."""
    return sorted(path.stem for path in CLIENTS.glob("*.txt"))


def interpreter(pins: Path) -> Path:
    """Return the interpreter of the environment that has exactly what `pins` names.

    It is in the user's cache, under the hash of the file, and made when it is missing.

    Raises:
        MachineError: A package can't be had.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(version.encode() + b"\n" + pins.read_bytes()).hexdigest()[:12]
    folder = cache_folder("environments") / f"{pins.stem}-{key}"
    python, stamp = folder / "bin" / "python", folder / "complete"
    if stamp.is_file() and python.exists():
        return python
    with locked(f"environment-{folder.name}"):
        if not (stamp.is_file() and python.exists()):
            began = time.monotonic()
            count = sum(1 for line in pins.read_text("utf-8").splitlines() if "==" in line)
            say(f"{pins.stem}: installing {count} packages of {pins.name} for Python {version}")
            env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
            create = [uv(), "venv", "--quiet", "--clear", "--python", sys.executable]
            output_of([*create, str(folder)], timeout=120, env=env)
            install = [uv(), "pip", "install", "--quiet", "--python", str(python)]
            words = [*install, "--compile-bytecode", "--requirement", str(pins)]
            output_of(words, timeout=900, env=env)
            stamp.touch()
            say(f"{pins.stem}: ready in {time.monotonic() - began:.0f} s")
    return python


def written(script: str, name: str) -> Path:
    """Return the folder of what `script` of the clients' folder writes, in the client `name`.

    It is in the user's cache, under the hash of script and pins, and only to be read.

    Raises:
        MachineError: A package can't be had, or the script fails.
    """
    source = CLIENTS / script
    key = hashlib.sha256(source.read_bytes() + (CLIENTS / f"{name}.txt").read_bytes()).hexdigest()
    folder = cache_folder("written") / f"{source.stem}-{key[:12]}"
    python = client(name)
    with locked(f"written-{folder.name}"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
                made = Path(unfinished, "made")
                made.mkdir()
                output_of([str(python), str(source), str(made)], timeout=240)
                made.rename(folder)
    return folder
