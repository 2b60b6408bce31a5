"""Gather a burst of changes into one, with the clock as an argument."""

from __future__ import annotations

from msgspec import field

from algo.values import Record


class Debounce(Record):
    """A sliding window: a burst ends when nothing happened for `quiet` seconds.

    `longest` bounds how long a stream of changes without a pause can hold back a reload.
    """

    quiet: float = 0.05
    longest: float = 1.0
    _paths: dict[str, None] = field(default_factory=dict)
    _first: float = 0.0
    _last: float = 0.0
    _held_until: float = 0.0

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the burst so far, sorted."""
        return tuple(sorted(self._paths))

    def age(self, now: float) -> float:
        """Return how many seconds ago the burst began."""
        return now - self._first

    def idle(self, now: float) -> float:
        """Return how many seconds ago its last change came."""
        return now - self._last

    def add(self, path: str, now: float) -> None:
        """Note that `path` changed at `now` (seconds of a monotonic clock)."""
        if not self._paths:
            self._first = now
        self._paths[path] = None
        self._last = now

    def wait(self, now: float) -> float | None:
        """Return how many seconds are left until the burst ends, None when there is none."""
        if not self._paths:
            return None
        due = min(self._last + self.quiet, self._first + self.longest)
        return max(0.0, due - now, self._held_until - now)

    def hold(self, until: float) -> None:
        """Let the burst go on until the time `until` at least."""
        self._held_until = until

    def take(self) -> tuple[tuple[str, ...], float]:
        """Return the burst's paths, sorted, and the time of its first change; forget them."""
        paths, first = self.paths, self._first
        self._paths.clear()
        self._held_until = 0.0
        return paths, first
