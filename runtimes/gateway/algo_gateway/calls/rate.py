"""How many calls a second are answered, for those who must come again later."""

from __future__ import annotations

import math

# Over how many seconds the rate is taken, about.
SPAN = 5.0
# Nobody is sent away for longer, whatever the rate says.
LONGEST = 60


class Rate:
    """A decaying rate of answers a second, learned while calls wait: else it is no capacity."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._count = 0
        self._rate = 0.0
        self._known = 0.0

    def sample(self, now: float, count: int, *, busy: bool) -> None:
        """Learn that `count` calls were answered until `now`, others waiting all the time."""
        seconds = now - self._since
        if busy and seconds > 0:
            share = 1.0 - math.exp(-seconds / SPAN)
            self._rate += share * ((count - self._count) / seconds - self._rate)
            self._known += share * (1.0 - self._known)
        self._since, self._count = now, count

    def seconds_for(self, calls: int) -> int:
        """Return in how many whole seconds `calls` will have been answered, from 1 to `LONGEST`.

        Without anything learned it is 1.
        """
        if not self._known:
            return 1
        per_second = self._rate / self._known
        if per_second * LONGEST <= calls:
            return LONGEST
        return max(1, math.ceil(calls / per_second))
