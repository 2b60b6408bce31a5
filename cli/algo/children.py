"""Start programs that have children of their own, which end with them when we are ended."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from algo.signals import GROUPS, deferred, end_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 5.0
_LOOK_SECONDS = 0.02

atexit.register(end_groups)  # of threads that nobody waits for


@contextlib.contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a program as `subprocess.Popen` does; an exception in the block ends its group.

    The group is its own, in a session without a terminal: Ctrl-C reaches it through us alone.
    What it left running when it ended by itself goes on, as the servers of some compilers do.
    """
    child: subprocess.Popen[Any] | None = None
    try:
        with deferred():
            child = subprocess.Popen(command, start_new_session=True, **options)
            GROUPS.add(child.pid)
        yield child
    except BaseException:
        if child is not None:
            end(child)
        raise
    finally:
        if child is not None:
            with child:  # closes its pipes and waits for it
                pass
            GROUPS.discard(child.pid)


def run(
    command: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    stderr: int = subprocess.STDOUT,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program without an input as `subprocess.run` does, and keep its output.

    Raises:
        subprocess.TimeoutExpired: It ran longer than `timeout` seconds, and was ended.
    """
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": stderr}
    with started(command, cwd=cwd, env=env, **options) as child:
        out, err = child.communicate(timeout=timeout)
    return subprocess.CompletedProcess(list(command), child.returncode, out, err)


def end(child: subprocess.Popen[Any], seconds: float = GRACE_SECONDS) -> None:
    """End the group that `child` leads: with SIGTERM, and what is left after that with SIGKILL."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            child.poll()
            os.killpg(child.pid, 0)  # nobody is left: ProcessLookupError
            time.sleep(_LOOK_SECONDS)
    except (ProcessLookupError, PermissionError):  # the second is what macOS says of the dead
        pass
    finally:  # a second Ctrl-C as well
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
