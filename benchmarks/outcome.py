"""What a benchmark found: rows for people, and ratios that are held against limits and the past."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import msgspec

# Where `python -m benchmarks` wants the outcome of the module that it runs.
RESULT = "ALGO_BENCH_RESULT"


class Ratio(msgspec.Struct, frozen=True):
    """A figure that another machine can be asked for, too, and its limit.

    Attributes:
        name: What it is a ratio of; unique within a benchmark.
        value: As measured.
        limit: What was asked for; None when nothing was.
        least: Whether more is better: the limit is the least that will do, else the most.
        unit: Empty for a true ratio; else the gate compares it only with a record of the same
            machine.
    """

    name: str
    value: float
    limit: float | None
    least: bool
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is within its limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def verdict(self) -> str:
        """The limit, and whether it is met."""
        if self.limit is None:
            return "not asked"
        asked = f"at {'least' if self.least else 'most'} {self.limit:g}{_unit(self.unit)}"
        return f"{asked}: {'met' if self.met else '**missed**'}"

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.2f}{_unit(self.unit)}, {self.verdict}"


class Outcome(msgspec.Struct, frozen=True):
    """What one benchmark found.

    Attributes:
        benchmark: Its module, below `benchmarks`.
        title: What was measured, in words.
        columns: The heads of the table.
        rows: As many cells each; the first names the row.
        ratios: What is held against limits.
        date: When, in ISO 8601.
        note: What a reader must know of this run; a new record has none.
    """

    benchmark: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    ratios: list[Ratio]
    date: str = ""
    note: str = ""


def report(outcome: Outcome) -> None:
    """Print an outcome, and leave it where whoever started the benchmark wants it."""
    print("\n".join([f"\n{outcome.title}\n", *markdown(outcome.columns, outcome.rows), ""]))
    for ratio in outcome.ratios:
        print(str(ratio).replace("**missed**", "MISSED"))
    wanted = os.environ.get(RESULT)
    if wanted:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        dated = msgspec.structs.replace(outcome, date=today)
        Path(wanted).write_bytes(msgspec.json.encode(dated))


def markdown(columns: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
