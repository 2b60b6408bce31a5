"""What user code printed in the moment before its process ended, which its runner has not read."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A pipe holds no more, unless somebody widened it.
_MOST = 1 << 20


class Unread:
    """Reading ends of a runner's own pipes, held so that they outlive it.

    Args:
        pid: The runner's process.
        numbers: Its descriptors, by the stream that each stands in for.
    """

    def __init__(self, pid: int, numbers: Mapping[str, int]) -> None:
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
            if text:
                yield stream, text.removesuffix(b"\n")
