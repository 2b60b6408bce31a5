"""Run benchmarks, record them, write their page, or hold them against the record.

python -m benchmarks [NAME …]            run all, or some, and print
python -m benchmarks --record [NAME …]   and keep the results, and write docs/performance.md
python -m benchmarks --table             write docs/performance.md from what is kept
python -m benchmarks --gate [NAME …]     and fail where a ratio became worse
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.gate import SLACK, falls
from benchmarks.outcome import RESULT, Outcome
from benchmarks.table import machine, read, write, write_page

BENCHMARKS = (
    "gateway.throughput",
    "gateway.batching",
    "gateway.bodies",
    "serving.reload",
    "serving.weights",
    "serving.memory",
    "serving.ready",
    "cli.startup",
    "images.weights",
    "images.edit",
    "images.build",
    "publish.republish",
    "publish.pull_start",
    "environments.lock",
    "storage.growth",
    "registry.push",
    "languages.noop",
    "languages.cold_start",
)


def main() -> int:
    """Do what the command line says."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=form
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="keep the results")
    what.add_argument("--table", action="store_true", help="run nothing, write the page")
    what.add_argument("--gate", action="store_true", help="fail where a ratio became worse")
    parser.add_argument("--slack", type=float, default=SLACK, help="how much worse is allowed")
    options = parser.parse_args()
    # What is measured keeps its bytecode, as it does where nobody forbids that.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    names = options.names or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    recorded = read()
    if options.table:
        write_page(recorded, BENCHMARKS)
        return 0
    fresh: dict[str, Outcome] = {}
    failed = []
    for name in names:
        outcome = run(name)
        if outcome is None:
            failed.append(name)
            continue
        fresh[name] = outcome
        if options.record:  # at once: a run that is interrupted keeps what it has
            recorded.machine = machine()
            recorded.outcomes[name] = outcome
            write(recorded)
            write_page(recorded, BENCHMARKS)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    worse: list[str] = []
    if options.gate:
        same = recorded.machine == machine()
        worse = falls(recorded.outcomes, fresh, same_machine=same, slack=options.slack)
        print("\n".join(["", *worse]) if worse else "\nno ratio became worse")
    return 1 if failed or worse else 0


def run(name: str) -> Outcome | None:
    """Run a benchmark; return its outcome, None when it failed."""
    print(f"\n== python -m benchmarks.{name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "outcome.json"
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        done = subprocess.run(command, check=False, env={**os.environ, RESULT: str(result)})
        if done.returncode or not result.is_file():
            return None
        return msgspec.json.decode(result.read_bytes(), type=Outcome)


if __name__ == "__main__":
    sys.exit(main())
