"""The regression gate: ratios of a fresh run against the recorded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.outcome import Outcome, Ratio

# By which part a ratio may be worse than its record: runs of one machine differ by as much.
SLACK = 0.25


def falls(
    recorded: Mapping[str, Outcome],
    fresh: Mapping[str, Outcome],
    *,
    same_machine: bool = False,
    slack: float = SLACK,
) -> list[str]:
    """Return a line for each ratio that became worse by more than `slack`.

    A ratio that was recorded and is no longer measured counts, too. Figures with a unit are no
    ratios: they are compared only where both runs are of the same machine. What was not run
    afresh is left out.
    """
    lines = []
    for name, outcome in fresh.items():
        if name not in recorded:
            continue
        now = {ratio.name: ratio for ratio in outcome.ratios}
        for before in recorded[name].ratios:
            if before.unit and not same_machine:
                continue
            after = now.get(before.name)
            if after is None:
                lines.append(f"{name}: {before.name}: was {before.value:.2f}, is not measured")
            elif (worse := _worse(before, after)) > slack:
                lines.append(
                    f"{name}: {before.name}: was {before.value:.2f}, is {after.value:.2f}: "
                    f"{worse:.0%} worse, {slack:.0%} allowed"
                )
    return lines


def _worse(before: Ratio, after: Ratio) -> float:
    """Return by which part `after` is worse; negative where it is better."""
    if not before.value:
        return 0.0 if before.least or not after.value else float("inf")
    change = after.value / before.value - 1
    return -change if before.least else change
