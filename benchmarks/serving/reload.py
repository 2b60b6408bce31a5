"""Save to first new answer of the sklearn template, beside `uvicorn --reload`, in one run.

python -m benchmarks.serving.reload [--runs 10] [--engines virtualenv,docker]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.contract.cases import sample

from benchmarks.measure import SECONDS, Figure, ratio, row, seconds
from benchmarks.outcome import Outcome, report
from benchmarks.serving.peer import PEER, uvicorn_serving
from benchmarks.serving.project import scaffold, serving, wait_for_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_SECONDS = 0.100
WORKER_SECONDS = 0.400
ANSWER = '"probabilities"'


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--engines", default="virtualenv,docker")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        project = scaffold("python/sklearn", "digits", Path(folder))
        body = sample(project).encode()
        figures = [
            measure(f"algo serve, {engine}", serving(project, engine), project, body, options.runs)
            for engine in options.engines.split(",")
        ]
        model = project / "models" / "digits_classifier.pkl"
        renewed = [
            measure(
                f"new worker, {engine}",
                serving(project, engine),
                project,
                body,
                options.runs,
                model=model,
            )
            for engine in options.engines.split(",")
        ]
        peer = measure(PEER, uvicorn_serving(project), project, body, options.runs)
    asked = []
    for figure in figures:
        engine = figure.name.rpartition(", ")[2]
        asked.append(seconds(f"save to new answer, {engine}", figure, LIMIT_SECONDS))
        asked.append(ratio(f"save to new answer, {engine}, of uvicorn's", figure, peer, 1.0))
    asked += [seconds(f"save to {one.name}", one, WORKER_SECONDS) for one in renewed]
    title = "save to first new answer, sklearn template"
    table = [row(one) for one in (*figures, *renewed, peer)]
    report(Outcome("serving.reload", title, SECONDS, table, asked))


def measure(
    name: str,
    service: contextlib.AbstractContextManager[tuple[str, float]],
    project: Path,
    body: bytes,
    runs: int,
    *,
    model: Path | None = None,
) -> Figure:
    """Edit the entry file `runs` times, each edit shown in the answer; the first is a warm-up.

    With `model` that file changes, too, so that a new worker loads it.
    """
    taken, refused = [], 0
    entry = project / "src" / "digits.py"
    with restored(entry) as source, service as (url, _):
        wait_for_answer(url, body, b"digit")
        for number in range(runs + 1):
            mark = f'"edit-{name[:6].strip()}-{number}"'
            if model is not None:
                with model.open("ab") as file:
                    file.write(b"\0")  # behind the pickle's end: it is the same
            entry.write_text(source.replace(ANSWER, f"{mark}: 1, {ANSWER}"))
            seconds, failed = wait_for_answer(url, body, mark.encode())
            refused += failed
            taken.append(seconds)
            time.sleep(0.5)
    if refused:
        print(f"{name}: {refused} calls failed meanwhile")
    return Figure(name, tuple(taken[1:]))


@contextlib.contextmanager
def restored(file: Path) -> Iterator[str]:
    """Give the file's text and put it back in the end."""
    text = file.read_text()
    assert ANSWER in text, f"{file} does not answer {ANSWER}"
    try:
        yield text
    finally:
        file.write_text(text)


if __name__ == "__main__":
    main()
