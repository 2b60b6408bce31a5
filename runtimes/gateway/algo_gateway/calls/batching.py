"""When a batch leaves: what a batch costs is learned, and a call waits only where that pays."""

from __future__ import annotations

# How much an observation counts after the next one.
DECAY = 0.95


class Cost:
    """The time of a batch as `fixed + each times size` seconds, by decaying least squares."""

    def __init__(self) -> None:
        self._weight = self._sizes = self._squares = self._times = self._products = 0.0

    def measured(self, size: int, seconds: float) -> None:
        """Learn from a batch."""
        self._weight = self._weight * DECAY + 1.0
        self._sizes = self._sizes * DECAY + size
        self._squares = self._squares * DECAY + size * size
        self._times = self._times * DECAY + seconds
        self._products = self._products * DECAY + size * seconds

    def line(self) -> tuple[float, float]:
        """Return `fixed` and `each`; batches of one size alone count as all fixed.

        That makes the next calls wait, which brings another size.
        """
        if not self._weight:
            return 0.0, 0.0
        mean = self._times / self._weight
        spread = self._weight * self._squares - self._sizes**2
        if spread <= 1e-9 * self._squares * self._weight:
            return mean, 0.0
        each = (self._weight * self._products - self._sizes * self._times) / spread
        each = min(max(each, 0.0), self._times / self._sizes)
        return max(0.0, mean - each * self._sizes / self._weight), each


class Batching:
    """Decides how long the first calls of the queue wait for the next one.

    Args:
        max_size: Most calls in a batch.
        max_wait: Longest time in seconds that a call waits for others while a worker is free.
    """

    def __init__(self, max_size: int, max_wait: float) -> None:
        self.max_size = max_size
        self.max_wait = max_wait
        self.cost = Cost()
        self._gap = 0.0
        self._last = 0.0

    def limit(self, max_size: int, max_wait: float) -> None:
        """Go by these limits; what was learnt of the cost stays."""
        self.max_size = max_size
        self.max_wait = max_wait

    def arrived(self, now: float) -> None:
        """Learn how often calls come."""
        if self._last:
            gap = min(now - self._last, 1.0)
            self._gap += 0.1 * (gap - self._gap) if self._gap else gap
        self._last = now

    def wait(self, size: int, now: float, oldest: float) -> float:
        """Return for how many seconds a batch of `size` should wait for one more; 0: it leaves.

        Leaving now, the next call (in `gap` seconds) starts when this batch is done. Waiting for
        it delays each of the `size` by `gap + each`, and saves the next one a batch of its own:
        that pays when `(size + 1) * gap + size * each < fixed`, over the sum of all times.
        """
        if size >= self.max_size or not self._gap:
            return 0.0
        left = oldest + self.max_wait - now
        fixed, each = self.cost.line()
        if left <= 0 or (size + 1) * self._gap + size * each >= fixed:
            return 0.0
        # Arrivals are no clockwork: one that is late by as much again is not coming soon.
        return min(left, 2 * self._gap)
