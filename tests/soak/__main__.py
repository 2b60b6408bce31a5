"""Soak: `python -m tests.soak [--seconds 3600] [--rate 60] [--curve docs/soak.svg]`.

Two workers that share their weights answer a mixed load at a low rate, while they are killed,
reloaded and called by clients that misbehave. It fails on an answer that is wrong or missing, on
memory or open files that grow, and where half of the recoveries take over a second.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.runtimes.conftest import GatewayProcess
from tests.soak.curve import drawn
from tests.soak.load import Load
from tests.soak.samples import Sample, files, leaks, memory, percentiles, write
from tests.soak.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

ALGORITHM = Path(__file__).resolve().parents[1] / "runtimes" / "data" / "soaked.py"
SERVING = {"workers": 2, "timeout": 20.0, "worker_memory": 500_000_000}


def main() -> int:
    """Soak, write the curve and the samples, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=60.0, help="calls a second")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1, help="of the load and the trouble")
    parser.add_argument("--curve", type=Path, help="where the SVG goes")
    parser.add_argument("--samples", type=Path, help="where the CSV goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder)
        (app / "src").mkdir()
        shutil.copy(ALGORITHM, app / "src" / "it.py")
        flags = ("--development", "--control", f"unix:{app}/c.sock")
        with GatewayProcess(app, *flags, serving=SERVING) as served:
            load = Load(served.port, options.rate)
            trouble = Trouble(served, random.Random(options.seed))
            samples = soaked(served, load, trouble, options.seconds, options.every)
    problems = [*load.wrong, *trouble.wrong, *leaks(samples)]
    recovery = statistics.median(trouble.recoveries) if trouble.recoveries else 0.0
    if recovery > 1:
        problems.append(f"half of the recoveries took over {recovery:.2f} s")
    title, subtitle = story(samples, load, trouble, len(problems))
    if options.curve:
        options.curve.write_text(drawn(samples, title, subtitle), encoding="utf-8")
    if options.samples:
        write(samples, options.samples)
    print(title, subtitle, *problems[:20], sep="\n")
    return 1 if problems else 0


def soaked(
    served: GatewayProcess, load: Load, trouble: Trouble, seconds: float, every: float
) -> list[Sample]:
    """Load and trouble the service for `seconds`; return a sample for `every` few of them."""
    samples: list[Sample] = []
    load.start()
    began = time.monotonic()
    try:
        while (passed := time.monotonic() - began) < seconds:
            kind = trouble.make()
            time.sleep(max(0.0, every - (time.monotonic() - began - passed)))
            samples.append(_sample(served, load, time.monotonic() - began, kind))
            served.printed.clear()
            if len(samples) % 24 == 1:
                print(samples[-1], flush=True)
    finally:
        load.stop()
    return samples


def _sample(served: GatewayProcess, load: Load, seconds: float, trouble: str) -> Sample:
    gateway = served.process.pid
    runners = [
        *served.parents(),
        *served.processes("algo-template"),
        *served.processes("algo-worker"),
    ]
    middle, worst = percentiles(load.taken())
    own = memory(gateway)
    return Sample(
        seconds=round(seconds, 1),
        gateway_mb=round(own, 2),
        all_mb=round(own + sum(memory(pid) for pid in runners), 2),
        files=files(gateway),
        calls=load.count,
        p50_ms=round(middle, 3),
        p99_ms=round(worst, 3),
        trouble=trouble,
    )


def story(
    samples: Sequence[Sample], load: Load, trouble: Trouble, problems: int
) -> tuple[str, str]:
    """Return what happened, in two lines."""
    minutes = samples[-1].seconds / 60
    title = f"{minutes:.0f} minutes, {load.count} calls, {problems} wrong, missing or leaked"
    recoveries = sorted(trouble.recoveries) or [0.0]
    day = datetime.datetime.now(tz=datetime.UTC).date()
    subtitle = (
        f"{len(samples)} edits, deaths and bad clients (ticks); {load.lost} calls of killed "
        f"workers told as 502; recovery {statistics.median(recoveries) * 1000:.0f} ms, at most "
        f"{recoveries[-1] * 1000:.0f}; {day}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}"
    )
    return title, subtitle


if __name__ == "__main__":
    sys.exit(main())
