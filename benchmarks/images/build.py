"""The first build of the sklearn template with the packages at hand, and one with nothing to do.

The runtime image is there, as it is after any project's first build; uv has the wheels, and algo
what it compiled of them for another project; its cache has no gateway and no packages layer. Then
one for which all packages are compiled, too.

python -m benchmarks.images.build [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import SECONDS, in_turn, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.project import ALGO, scaffold

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_SECONDS, NOTHING_SECONDS = 5.0, 0.3
# What algo remembers of gateway, packages and code, and of what it compiled; the runtime image's
# notes stay.
NOTES, COMPILED = "layers", "compiled"


def main() -> None:
    """Measure both, into the embedded store and with an image that the store has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = scaffold("python/sklearn", "digits", folder)
        env = {**os.environ, "ALGO_HOME": str(folder / "home")}
        build(project, env)

        def first(*notes: str) -> float:
            for name in (NOTES, *notes):
                shutil.rmtree(folder / "home" / "cache" / name)
            for path in (folder / "home" / "data" / "store").iterdir():
                shutil.rmtree(path)
            return build(project, env)

        def nothing() -> float:
            return build(project, env)

        names = "first build, packages at hand", "nothing changed"
        actions = dict(zip(names, (first, nothing), strict=True))
        actions["first build, nothing compiled yet"] = lambda: first(COMPILED)
        figures = in_turn(actions, options.runs)
    limits = dict(zip(names, (FIRST_SECONDS, NOTHING_SECONDS), strict=True))
    ratios = [seconds(one, figures[one], limit) for one, limit in limits.items()]
    title = "algo build of the sklearn template into the embedded store"
    report(Outcome("images.build", title, SECONDS, [row(one) for one in figures.values()], ratios))


def build(project: Path, env: Mapping[str, str]) -> float:
    """Build into the embedded store; return the seconds of the whole process."""
    command = [ALGO, "build", "--into", "store"]
    began = time.perf_counter()
    subprocess.run(command, cwd=project, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
