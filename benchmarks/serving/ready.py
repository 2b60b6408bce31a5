"""From the command to the ready line of `algo serve`, python/minimal, warm caches.

python -m benchmarks.serving.ready [--runs 7] [--engines virtualenv,docker]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import SECONDS, in_turn, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.project import scaffold, serving

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {"virtualenv": 1.0, "docker": 1.5}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--engines", default="virtualenv,docker")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        project = scaffold("python/minimal", "hello", Path(folder))
        engines = options.engines.split(",")
        figures = in_turn({name: ready(project, name) for name in engines}, options.runs)
    limits = [seconds(f"ready, {name}", figure, LIMITS[name]) for name, figure in figures.items()]
    title = "ready after `algo serve`, python/minimal, warm caches"
    report(Outcome("serving.ready", title, SECONDS, [row(one) for one in figures.values()], limits))


def ready(project: Path, engine: str) -> Callable[[], float]:
    """Return an action that serves once and gives the seconds until it was ready."""

    def action() -> float:
        with serving(project, engine) as (_, seconds):
            return seconds

    return action


if __name__ == "__main__":
    main()
