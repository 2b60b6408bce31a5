"""`algo lock` of the scikit-learn template, warm, beside `uv pip compile` of the same, in one run.

`algo lock` resolves for two image platforms and this machine, and what the tests need besides; uv
does the template's requirements for this machine alone.

python -m benchmarks.environments.lock [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import uv

from benchmarks.measure import SECONDS, in_turn, process, ratio, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.project import ALGO

LIMIT_SECONDS = 2.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs: int = parser.parse_args().runs
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    with tempfile.TemporaryDirectory() as name:
        template = ["--template", "python/sklearn"]
        init = [ALGO, "init", "bench/digits", *template]
        subprocess.run(init, cwd=name, check=True, stdout=sys.stderr)
        os.chdir(Path(name) / "digits")
        compiling = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes"]
        figures = in_turn(
            {
                "algo lock": process([ALGO, "lock"]),
                "algo lock --upgrade": process([ALGO, "lock", "--upgrade"]),
                "algo lock --check": process([ALGO, "lock", "--check"]),
                "uv pip compile, as locked": process(
                    [*compiling, "--output-file", "locked.txt", "requirements.in"]
                ),
                "uv pip compile --upgrade": process(
                    [*compiling, "--upgrade", "--output-file", "locked.txt", "requirements.in"]
                ),
            },
            runs,
        )
    ours, theirs = figures["algo lock"], figures["uv pip compile, as locked"]
    newest, peer = figures["algo lock --upgrade"], figures["uv pip compile --upgrade"]
    title = "locking the sklearn template for four targets, with a warm cache"
    ratios = [
        seconds("algo lock, warm", ours, LIMIT_SECONDS),
        ratio("algo lock, of uv pip compile", ours, theirs, None),
        ratio("algo lock --upgrade, of uv pip compile --upgrade", newest, peer, None),
    ]
    rows = [row(figure) for figure in figures.values()]
    report(Outcome("environments.lock", title, SECONDS, rows, ratios))


if __name__ == "__main__":
    main()
