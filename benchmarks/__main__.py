"""Run every benchmark, one after the other: `make bench`, or `python -m benchmarks [NAME …]`."""

from __future__ import annotations

import argparse
import subprocess
import sys

BENCHMARKS = (
    "cli.startup",
    "images.edit",
    "serving.ready",
    "serving.reload",
    "serving.memory",
    "gateway.throughput",
)


def main() -> int:
    """Run those that are named, all of them without a name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    failed = []
    for name in names:
        print(f"\n== python -m benchmarks.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
