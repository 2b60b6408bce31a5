"""Running other programs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.machine.say import MachineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHOWN_WORDS = 16


def output_of(
    command: Sequence[str | Path],
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `command` and return its standard output, stripped.

    Raises:
        MachineError: It is not installed, failed or ran longer than `timeout` seconds.
    """
    words = [str(word) for word in command]
    shown = " ".join(words) if len(words) < SHOWN_WORDS else f"{words[0]} … {' '.join(words[-3:])}"
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=None if env is None else dict(env),
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError:
        raise MachineError(f"{words[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise MachineError(f"`{shown}` did not end within {timeout:g} s") from None
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise MachineError(f"`{shown}` ended with {done.returncode}:\n{tail}")
    return done.stdout.strip()


def succeeds(command: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Tell whether `command` is there and ends with 0 within `timeout` seconds."""
    try:
        output_of(command, timeout=timeout)
    except MachineError:
        return False
    return True
