"""What a large model costs an image: space on the disk, and the time of a build.

A GiB of weights, built into the embedded store, which must hold them once; the cache need not.

python -m benchmarks.images.weights [--megabytes 1024] [--runs 5]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.resources import user_folders

from benchmarks.measure import SECONDS, Figure, in_turn, ratio, row, seconds
from benchmarks.outcome import Outcome, Ratio, report
from benchmarks.serving.project import ALGO, scaffold

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
NAMES = ("first build", "build with nothing changed", "SHA-256 of the weights")


def main() -> None:
    """Measure a project with weights of the size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    folders = user_folders(os.environ.get("ALGO_HOME"))
    with tempfile.TemporaryDirectory() as name:
        project = scaffold("python/minimal", "weights", Path(name))
        build(project)
        weights = add_weights(project, options.megabytes)
        before = used(folders.cache), used(folders.store / "bench")
        first = Figure(NAMES[0], (build(project),))
        cache, store = used(folders.cache) - before[0], used(folders.store / "bench") - before[1]
        actions: dict[str, Callable[[], float]] = {
            NAMES[1]: lambda: build(project),
            NAMES[2]: lambda: hashed(weights),
        }
        figures = in_turn(actions, options.runs)
    size = options.megabytes * MIB
    again, plain = (figures[name] for name in NAMES[1:])
    ratios = [
        Ratio("the cache grows by, of the weights", cache / size, 0.01, least=False),
        Ratio("the store grows by, of the weights", store / size, 1.01, least=False),
        seconds(NAMES[1], again, 0.3),
        ratio("first build, of a SHA-256 of the weights", first, plain, None),
    ]
    title = f"{options.megabytes} MiB of weights in an image, in the embedded store"
    rows = [row(figure) for figure in (first, again, plain)]
    report(Outcome("images.weights", title, SECONDS, rows, ratios))


def add_weights(project: Path, megabytes: int) -> Path:
    """Add a model of random bytes to the project; return its file."""
    weights = project / "models" / "large.bin"
    weights.parent.mkdir(exist_ok=True)
    with weights.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MIB))
    manifest = project / "algo.toml"
    manifest.write_text(f'{manifest.read_text()}\n[models]\nlarge = "models/large.bin"\n')
    return weights


def build(project: Path) -> float:
    """Build into the store; return the seconds of the whole process."""
    began = time.perf_counter()
    command = [ALGO, "build", "--into", "store"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return time.perf_counter() - began


def hashed(file: Path) -> float:
    """Return the seconds that a SHA-256 of the file takes."""
    began = time.perf_counter()
    with file.open("rb") as opened:
        hashlib.file_digest(opened, "sha256")
    return time.perf_counter() - began


def used(folder: Path) -> int:
    """Return the bytes on the disk below `folder`, each file once however many names it has."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


if __name__ == "__main__":
    main()
