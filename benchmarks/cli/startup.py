"""Start-up of the command line against the cost of importing typer, in one run.

python -m benchmarks.cli.startup
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.measure import in_turn, process, ratio


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
    for figure in figures.values():
        print(figure)
    limit = figures["python -c 'import typer'"]
    print(ratio("algo --version", figures["algo --version"], limit, 1.5))
    print(ratio("algo --help", figures["algo --help"], limit, 2.5))


if __name__ == "__main__":
    main()
