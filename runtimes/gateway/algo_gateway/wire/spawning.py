"""Start a runner's process with its two pipes; imports little, so that it can begin early."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is ours and not the algorithm's: the way to the gateway's packages, and its secrets.
_OURS = (
    *("PYTHONPATH", "PYTHONSAFEPATH", "ALGO_CONTROL_TOKEN", "ALGO_TOKEN"),
    *("ALGO_JOBS", "ALGO_WEBHOOK_SECRET", "ALGO_WEBHOOK_SECRET_FILE"),
    *("ALGO_DATA", "ALGO_ALGORITHMS"),
)
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Spawned:
    """A runner's process: its pid and our ends of its pipes."""

    pid: int
    source: int
    sink: int


def spawn(command: Sequence[str]) -> Spawned:
    """Start `command` with requests at descriptor 3 and replies at descriptor 4.

    What it prints goes to our standard error, as standard output carries our own lines.

    Raises:
        OSError: It cannot be started.
    """
    theirs_in, sink = _pipe()
    source, theirs_out = _pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, 2, 1),
        (os.POSIX_SPAWN_DUP2, theirs_in, 3),
        (os.POSIX_SPAWN_DUP2, theirs_out, 4),
    ]
    program = shutil.which(command[0]) or command[0]
    try:
        pid = os.posix_spawn(program, list(command), environment(), file_actions=actions)
    except OSError:
        os.close(source)
        os.close(sink)
        raise
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    return Spawned(pid, source, sink)


def environment() -> dict[str, str]:
    """Return the variables of a runner's process."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are above 9: 3 and 4 are the runner's, and are set in order."""
    low = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low]
    for end in low:
        os.close(end)
    widen(high[0])
    return high[0], high[1]


def widen(pipe: int) -> None:
    """Let a pipe hold as much as the system allows: fewer turns for large bodies."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
