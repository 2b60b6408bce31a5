"""From `docker run` of each language's no-op to its first right answer, and what its image weighs.

The image is in Docker and its files in the page cache. Beside them is what no start can be
without: a container of the same image that runs `true`.

python -m benchmarks.languages.cold_start [--runs 5] [--languages go,rust]
"""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.languages.containers import LANGUAGES, Image, built, running
from benchmarks.measure import SECONDS, in_turn, row
from benchmarks.outcome import Outcome, Ratio, report

if TYPE_CHECKING:
    from collections.abc import Callable

BARE = "a container that runs `true`"
# What is the language's own, and what every image has.
ROLES = ("runtime", "gateway", "runner", "packages", "program", "code")


def main() -> None:
    """Build every image, then start each in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    options = parser.parse_args()
    with built(options.languages.split(",")) as images:
        actions: dict[str, Callable[[], float]] = {one: cold(it) for one, it in images.items()}
        actions[BARE] = bare(next(iter(images.values())))
        figures = in_turn(actions, options.runs)
    rows = [[*row(figures[one]), *sizes(image)] for one, image in images.items()]
    rows.append([*row(figures[BARE]), *("" for _ in ("image", *ROLES))])
    asked = [
        Ratio(f"cold start, {one}", figures[one].median, None, least=False, unit="s")
        for one in images
    ]
    columns = [*SECONDS, "image MB", *ROLES]
    title = "docker run to the first answer of a no-op, and the size of its image by layers, in MB"
    report(Outcome("languages.cold_start", title, columns, rows, asked))


def cold(image: Image) -> Callable[[], float]:
    """Return an action that runs an image until it answers."""

    def action() -> float:
        began = time.perf_counter()
        with running(image):
            return time.perf_counter() - began

    return action


def bare(image: Image) -> Callable[[], float]:
    """Return an action that runs nothing in a container."""

    def action() -> float:
        began = time.perf_counter()
        subprocess.run(["docker", "run", "--rm", image.reference, "true"], check=True)
        return time.perf_counter() - began

    return action


def sizes(image: Image) -> list[str]:
    """Return the megabytes of an image, and of each kind of its layers."""
    parts = (image.layers.get(role, 0) for role in ROLES)
    return [f"{size / 1e6:.1f}" for size in (image.size, *parts)]


if __name__ == "__main__":
    main()
