"""What is measured while the service soaks, and whether it leaks."""

from __future__ import annotations

import csv
import dataclasses
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Between the second and the last quarter the gateway's memory may grow by a tenth and this.
SLACK_MB, SLACK_FILES = 10.0, 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment: seconds since the start, megabytes, milliseconds and counts."""

    seconds: float
    gateway_mb: float
    all_mb: float
    files: int
    calls: int
    p50_ms: float
    p99_ms: float
    trouble: str


def memory(pid: int) -> float:
    """Return the proportional set size of a process in megabytes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def files(pid: int) -> int:
    """Return how many files a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile in milliseconds; 0 of nothing."""
    if not seconds:
        return 0.0, 0.0
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000


def leaks(samples: Sequence[Sample]) -> list[str]:
    """Return what grew, from the second quarter to the last."""
    quarter = len(samples) // 4
    if not quarter:
        return []
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    grown = []
    for name in ("gateway_mb", "all_mb"):
        before = statistics.median(getattr(one, name) for one in early)
        after = statistics.median(getattr(one, name) for one in late)
        if after > before * 1.1 + SLACK_MB:
            grown.append(f"{name} went from {before:.1f} to {after:.1f}")
    before, after = (statistics.median(one.files for one in part) for part in (early, late))
    if after > before + SLACK_FILES:
        grown.append(f"open files went from {before:.0f} to {after:.0f}")
    return grown


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write the samples as CSV."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in dataclasses.fields(Sample)])
        table.writeheader()
        table.writerows(dataclasses.asdict(one) for one in samples)
