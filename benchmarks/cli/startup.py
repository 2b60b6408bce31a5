"""Start-up of the command line against the cost of importing typer, in one run.

python -m benchmarks.cli.startup
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.measure import SECONDS, in_turn, process, ratio, row
from benchmarks.outcome import Outcome, report


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs: int = parser.parse_args().runs
    algo = str(Path(sys.executable).with_name("algo"))
    figures = in_turn(
        {
            "python -c pass": process([sys.executable, "-c", "pass"]),
            "python -c 'import typer'": process([sys.executable, "-c", "import typer"]),
            "algo --version": process([algo, "--version"]),
            "algo --help": process([algo, "--help"]),
            "algo serve --help": process([algo, "serve", "--help"]),
        },
        runs,
    )
    limit = figures["python -c 'import typer'"]
    report(
        Outcome(
            "cli.startup",
            "start-up of the command line, beside importing typer",
            SECONDS,
            [row(figure) for figure in figures.values()],
            [
                ratio("algo --version, of import typer", figures["algo --version"], limit, 1.5),
                ratio("algo --help, of import typer", figures["algo --help"], limit, 2.5),
            ],
        )
    )


if __name__ == "__main__":
    main()
