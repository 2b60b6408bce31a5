"""What every benchmark shares: repeated whole-process timing, medians and a table."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.outcome import Ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


SECONDS = ["", "seconds, median", "least to most"]


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of several runs of one thing."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median in seconds."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.name:<40} {self.median:8.3f} s   ({low:.3f} to {high:.3f})"


def in_turn(actions: Mapping[str, Callable[[], float]], runs: int) -> dict[str, Figure]:
    """Run every action in turn, `runs` times after one warm-up: A B C A B C, as speed drifts.

    Each action returns its own seconds.
    """
    for action in actions.values():
        action()
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            taken[name].append(action())
    return {name: Figure(name, tuple(seconds)) for name, seconds in taken.items()}


def process(command: Sequence[str]) -> Callable[[], float]:
    """Return an action that runs `command` as a whole process, its output thrown away."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began

    return run


def row(figure: Figure) -> list[str]:
    """Return the cells of a table with the columns `SECONDS`."""
    low, high = min(figure.seconds), max(figure.seconds)
    return [figure.name, f"{figure.median:.3f}", f"{low:.3f} to {high:.3f}"]


def ratio(name: str, figure: Figure, of: Figure, limit: float | None) -> Ratio:
    """Return a ratio of medians, of which less is better."""
    return Ratio(name, figure.median / of.median, limit, least=False)


def seconds(name: str, figure: Figure, limit: float) -> Ratio:
    """Return a median that is held against a limit of its own."""
    return Ratio(name, figure.median, limit, least=False, unit="s")
