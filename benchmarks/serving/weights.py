"""Save to new answer with small and with large weights, and how long a new worker takes.

python -m benchmarks.serving.weights [--runs 8] [--megabytes 500]

Only `apply` is edited, so the weights stay: the time must not depend on their size. A new worker
is what an edit of `load` starts, in the sklearn template, until the first answer by it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.contract.cases import sample

from benchmarks.measure import SECONDS, Figure, ratio, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.project import scaffold, serving, wait_for_answer
from benchmarks.serving.reload import ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT, WORKER = 0.100, 0.400
LOADED = 'return pickle.loads(Path(models["classifier"]).read_bytes())'


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--megabytes", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = scaffold("python/sklearn", "digits", Path(folder))
        source = (project / "src" / "digits.py").read_text()
        assert ANSWER in source
        assert LOADED in source
        small = measure("apply edited, weights of 10 kB", project, source, apply, options.runs)
        worker = measure("load edited: a new worker", project, source, load, options.runs)
        large = project / "models" / "large.bin"
        large.write_bytes(os.urandom(1 << 20) * options.megabytes)
        manifest = project / "algo.toml"
        text = manifest.read_text()
        manifest.write_text(text.replace("[models]\n", '[models]\nlarge = "models/large.bin"\n'))
        heavy = source.replace(
            LOADED,
            LOADED.replace("return ", "state = ")
            + '\n    state.large = Path(models["large"]).read_bytes()\n    return state',
        )
        kept = f"apply edited, weights of {options.megabytes} MB"
        big = measure(kept, project, heavy, apply, options.runs)
    asked = [
        seconds("save to new answer, weights kept", big, KEPT),
        ratio(f"the same, {options.megabytes} MB of weights, of 10 kB", big, small, 1.5),
        seconds("new worker of the sklearn template", worker, WORKER),
    ]
    title = "save to new answer by what was edited, virtualenv engine, sklearn template"
    report(
        Outcome(
            "serving.weights", title, SECONDS, [row(one) for one in (small, big, worker)], asked
        )
    )


def apply(source: str, mark: str) -> str:
    """Return the code with another `apply`, whose answers hold `mark`."""
    return source.replace(ANSWER, f'"{mark}": 1, {ANSWER}')


def load(source: str, mark: str) -> str:
    """Return the code with another `load`, which `apply` shows by `mark`."""
    code = source.replace(LOADED, f"load.mark = {mark!r}\n    {LOADED}")
    return code.replace(ANSWER, f"load.mark: 1, {ANSWER}")


def measure(
    name: str, project: Path, source: str, edit: Callable[[str, str], str], runs: int
) -> Figure:
    """Edit the entry file `runs` times; return the seconds from each save to the new answer."""
    entry = project / "src" / "digits.py"
    entry.write_text(source)
    body, taken = sample(project).encode(), []
    with serving(project, "virtualenv") as (url, _):
        wait_for_answer(url, body, b"digit")
        for number in range(runs + 1):
            mark = f"edit-{number}"
            entry.write_text(edit(source, mark))
            passed, _ = wait_for_answer(url, body, mark.encode())
            taken.append(passed)
            time.sleep(0.3)
    return Figure(name, tuple(taken[1:]))


if __name__ == "__main__":
    main()
