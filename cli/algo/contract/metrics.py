"""Metrics over a labelled set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from algo.contract.values import EXACT, Json, first_difference
from algo.values import Value

Pairs = Sequence[tuple[Json, Json]]


class Metric(Value, frozen=True):
    """A metric: how it is computed from (label, answer) pairs, and which bound it takes.

    Args:
        compute: From at least one pair to a number.
        bound: `floor` or `ceiling`.
        numeric: Labels and answers must be numbers.
    """

    compute: Callable[[Pairs], float]
    bound: str
    numeric: bool = False

    @property
    def other(self) -> str:
        """The bound that it does not take."""
        return "ceiling" if self.bound == "floor" else "floor"

    def within(self, value: float, bound: float) -> bool:
        """Tell whether `value` keeps to `bound`."""
        return value >= bound if self.bound == "floor" else value <= bound


def accuracy(pairs: Pairs) -> float:
    """Return the share of answers that equal their label."""
    right = sum(first_difference(label, answer, EXACT) is None for label, answer in pairs)
    return right / len(pairs)


def mean_absolute_error(pairs: Pairs) -> float:
    """Return the mean distance between label and answer."""
    return math.fsum(map(abs, _distances(pairs))) / len(pairs)


def root_mean_square_error(pairs: Pairs) -> float:
    """Return the root of the mean squared distance between label and answer."""
    return math.sqrt(math.fsum(distance**2 for distance in _distances(pairs)) / len(pairs))


def _distances(pairs: Pairs) -> list[float]:
    return [
        float(answer) - float(label)
        for label, answer in pairs
        if isinstance(label, int | float) and isinstance(answer, int | float)
    ]


METRICS = {
    "accuracy": Metric(accuracy, "floor"),
    "mae": Metric(mean_absolute_error, "ceiling", numeric=True),
    "rmse": Metric(root_mean_square_error, "ceiling", numeric=True),
}
