"""What user code printed in the moment before its process ended, which its runner has not read."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from algo_gateway.wire.spawning import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# A pipe holds no more, unless somebody widened it.
_MOST = 1 << 20
# What a process is given to tell a trace. Nothing is served meanwhile: one has just ended.
_PATIENCE = 1.0


class Unread:
    """Reading ends of a runner's own pipes, held so that they outlive it.

    Args:
        pid: The runner's process.
        numbers: Its descriptors, by the stream that each stands in for.
        teller: The command that tells a trace on standard error as its author wants it.
    """

    def __init__(self, pid: int, numbers: Mapping[str, int], teller: Sequence[str] = ()) -> None:
        self._teller = teller
        self._ends: dict[str, int] = {}
        for stream, number in numbers.items():
            with contextlib.suppress(OSError):  # it has ended, or the system has no /proc
                path = f"/proc/{pid}/fd/{number}"
                self._ends[stream] = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def take(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is left in each stream, where something is, and close it; once."""
        ends, self._ends = self._ends, {}
        for stream, end in ends.items():
            text = b""
            with contextlib.suppress(OSError), os.fdopen(end, "rb", buffering=0) as pipe:
                text = pipe.read(_MOST) or b""
            if text and self._teller and stream == "stderr":
                text = _told(self._teller, text)
            if text:
                yield stream, text.removesuffix(b"\n")


def _told(teller: Sequence[str], text: bytes) -> bytes:
    """Return what `teller` makes of `text`, which stays as it is where that fails."""
    import subprocess

    try:
        done = subprocess.run(
            teller,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return text
    return done.stdout
