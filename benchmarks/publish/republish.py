"""A code-only change, published: bytes over the wire and time, without the tests it runs first.

Every publish goes to a real registry (distribution 2.8) on loopback, over a proxy that counts what
is sent. The time of the tests is told apart by the lines that the command writes. The limit on
bytes is for content: blobs and manifests. The heads of some 80 requests, and the lists of what
refers to a digest, which a registry with the Referrers API writes itself, come on top.

python -m benchmarks.publish.republish [--runs 7]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Figure
from benchmarks.outcome import Outcome, Ratio, report
from benchmarks.publish.counting import Counter, counting
from benchmarks.serving.project import ALGO, scaffold
from tests.machine import registries

LIMIT_BYTES, LIMIT_SECONDS = 64_000, 1.0
TESTING, AFTER = "Testing", "Writing the bill of materials"


def main() -> None:
    """Publish once, then a change of code several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        project = scaffold("python/sklearn", "digits", folder)
        with (
            registries.docker_registry(folder / "registry") as address,
            counting(address) as counter,
        ):
            publish(project, counter)
            runs = [edit_and_publish(project, counter) for _ in range(options.runs)]
    seconds, sent, said = (tuple(column) for column in zip(*runs, strict=True))
    time_of = Figure("code-only publish without its tests", seconds)
    rows = [
        [
            "seconds without tests",
            f"{time_of.median:.3f}",
            f"{min(seconds):.3f} to {max(seconds):.3f}",
        ],
        [
            "bytes over the wire, heads and lists included",
            f"{max(sent):,.0f}",
            f"from {min(sent):,.0f}",
        ],
        ["bytes of blobs and manifests", f"{max(said):,.0f}", f"from {min(said):,.0f}"],
    ]
    ratios = [
        Ratio("code-only publish", time_of.median, LIMIT_SECONDS, least=False, unit="s"),
        Ratio("sent by a code-only publish", max(said) / 1000, LIMIT_BYTES / 1000, least=False,
              unit="kB"),
    ]  # fmt: skip
    title = "code-only change to a registry on loopback, sklearn template"
    columns = ["", "median, or most", "least to most"]
    report(Outcome("publish.republish", title, columns, rows, ratios))


def edit_and_publish(project: Path, counter: Counter) -> tuple[float, float, float]:
    """Change the code and publish; return seconds without tests, bytes sent, bytes told."""
    with (project / "src" / "digits.py").open("a") as file:
        file.write(f"# {time.time_ns()}\n")
    return publish(project, counter)


def publish(project: Path, counter: Counter) -> tuple[float, float, float]:
    """Publish `project` through the counting proxy."""
    counter.sent = 0
    target = f"{counter.address}/bench/digits"
    command = [ALGO, "publish", "--to", target, "--yes", "--json"]
    env = {**os.environ, "ALGO_ENGINE": "virtualenv"}
    began = time.perf_counter()
    tested = testing = 0.0
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=project, env=env, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stderr is not None and process.stdout is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.strip() == TESTING:
                testing = time.perf_counter()
            elif line.strip() == AFTER:
                tested = time.perf_counter() - testing
        said = process.stdout.read()
    if process.returncode or not tested:
        sys.exit(f"publish failed: {''.join(lines)}{said}")
    return time.perf_counter() - began - tested, counter.sent, json.loads(said)["bytes_sent"]


if __name__ == "__main__":
    main()
