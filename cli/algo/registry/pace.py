"""How much goes into one request and one connection: learned from what the way bears."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo.registry.wire import Wire

# A request is what a broken connection costs at least: some seconds of work. The first ones find
# out how fast the way is; each request costs a registry an fsync, so a fast one gets large ones.
REQUEST_SECONDS = 5.0
FIRST, FASTER = 4 << 20, 64
SMALLEST = 256 << 10
# Where connections break, distribution 2.8 forgets the session and all that it had stored: new
# connections carry well below what the broken one did, so that the next ones don't.
CAUTION = 16
CALM = 64


class Pace:
    """Shared by all uploads to one registry; safe for threads.

    Args:
        wire: The connections, which are told what they may carry.
        most: The bytes of the largest request.
    """

    def __init__(self, wire: Wire, most: int) -> None:
        self._wire = wire
        self._most = most
        self._by_time = min(most, FIRST)
        self._by_cuts = 0
        self._cuts = 0
        self._whole = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The bytes of the next request."""
        with self._lock:
            sizes = [self._most, self._by_time, *([self._by_cuts] if self._by_cuts else [])]
            return min(sizes)

    def went(self, size: int, seconds: float) -> None:
        """Take note of a request that arrived whole."""
        with self._lock:
            possible = int(size / max(seconds, 1e-3) * REQUEST_SECONDS)
            self._by_time = max(SMALLEST, min(possible, FASTER * self._by_time))
            self._whole += 1
            # One broken connection is no rule.
            if self._by_cuts and self._cuts == 1 and self._whole % CALM == 0:
                self._bear(self._by_cuts * 2)

    def broke(self, carried: int) -> None:
        """Take note of a connection that broke after it had carried so many bytes."""
        if not carried:
            return
        with self._lock:
            self._cuts += 1
            self._whole = 0
            carried = min(carried, self._by_cuts or carried)
            self._bear(carried // CAUTION)

    def was_too_large(self, size: int) -> bool:
        """Take note of a request that somebody on the way takes for too large; say if it helps."""
        with self._lock:
            self._most = min(self._most, size // 2)
            return self._most >= SMALLEST

    def _bear(self, size: int) -> None:
        self._by_cuts = max(SMALLEST, size)
        self._wire.bearable = self._by_cuts
