"""A no-op JSON call in every language, behind the same gateway, each in its own container.

python -m benchmarks.languages.noop [--seconds 1] [--rounds 9] [--languages go,rust]

All containers are started and warm before the first round, as a virtual machine compiles what is
called often; then they take turns. A ratio is the median of those of the rounds, each of which
has Python's figure of the same round. R's runner is shown without its C, too, as it is where
nobody compiled that: on the host.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from typing import TYPE_CHECKING

import msgspec

from benchmarks.gateway.load import OTHERS, Load, wrk
from benchmarks.gateway.usage import memory_megabytes
from benchmarks.languages.containers import INTERPRETED, LANGUAGES, built, running
from benchmarks.outcome import Outcome, Ratio, report
from tests.machine import apt

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = LANGUAGES[0]
WITHOUT_C = "r without its C"
CLIENTS = (1, 16)
LEAST = {True: 0.8, False: 1.0}  # of Python's answers: interpreted, compiled
COLUMNS = [
    *("language", "answers/s, 16 clients", "of Python's", "p50 ms, 16", "p99 ms, 16"),
    *("p50 ms, 1 client", "of Python's", "processor ms a call, 16", "PSS MB", "not 200"),
]
Rounds = list[dict[int, Load]]


def main() -> None:
    """Measure every language in turn and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=1, help="of each run of wrk")
    parser.add_argument("--warm-up", type=int, default=4, help="seconds before the first round")
    parser.add_argument("--rounds", type=int, default=9, help="A B C A B C; medians are shown")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    options = parser.parse_args()
    apt.install("wrk")
    languages = [FIRST, *(one for one in options.languages.split(",") if one != FIRST)]
    with built(languages) as images, contextlib.ExitStack() as stack:
        targets = {one: stack.enter_context(running(image)) for one, image in images.items()}
        if "r" in images:
            hidden = "--tmpfs=/opt/algo/native"
            targets[WITHOUT_C] = stack.enter_context(running(images["r"], hidden))
        for target in targets.values():
            wrk(target, 16, options.warm_up, tries=1)
        rounds: dict[str, Rounds] = {one: [] for one in targets}
        for _ in range(options.rounds):
            for one, target in targets.items():
                rounds[one].append({many: wrk(target, many, options.seconds) for many in CLIENTS})
                rate = rounds[one][-1][16].good_per_second
                print(f"  {one}: {rate:.0f}/s with 16 clients", file=sys.stderr)
        memory = {one: memory_megabytes(target.leader) for one, target in targets.items()}
    title = "a no-op JSON call in every language, gateway and runner in their container"
    rows = [row(one, several, rounds[FIRST], memory[one]) for one, several in rounds.items()]
    found = Outcome("languages.noop", title, COLUMNS, rows, ratios(rounds))
    worst = max(load.others for several in rounds.values() for load in loads(several))
    note = f"while other work took up to {worst:.2f} of a core" if worst > OTHERS else ""
    report(msgspec.structs.replace(found, note=note))


def row(language: str, several: Rounds, python: Rounds, memory: float) -> list[str]:
    """Return a language's row."""
    many = {name: middle(several, 16, name) for name in ("good_per_second", "p50", "p99", "cpu")}
    failed = sum(load.failures for load in loads(several))
    answers = sum(load.answers for load in loads(several))
    return [
        *(language, f"{many['good_per_second']:.0f}"),
        f"{of(several, python, 16, 'good_per_second'):.2f}",
        *(f"{many['p50']:.2f}", f"{many['p99']:.2f}", f"{middle(several, 1, 'p50'):.3f}"),
        *(f"{of(several, python, 1, 'p50'):.2f}", f"{many['cpu']:.3f}", f"{memory:.0f}"),
        f"{failed} of {answers}",
    ]


def loads(several: Rounds) -> list[Load]:
    """Return all loads of a language."""
    return [load for turn in several for load in turn.values()]


def middle(several: Rounds, clients: int, name: str) -> float:
    """Return the median over the rounds of a figure of a load."""
    return float(statistics.median(getattr(turn[clients], name) for turn in several))


def of(several: Rounds, python: Rounds, clients: int, name: str) -> float:
    """Return the median of a figure's share of Python's in the same round."""
    turns = zip(several, python, strict=True)
    shares = [getattr(it[clients], name) / getattr(its[clients], name) for it, its in turns]
    return float(statistics.median(shares))


def ratios(rounds: Mapping[str, Rounds]) -> list[Ratio]:
    """Return what was asked for."""
    python, found = rounds[FIRST], []
    for one, several in rounds.items():
        if one != FIRST:
            least = None if one == WITHOUT_C else LEAST[one in INTERPRETED]
            share = of(several, python, 16, "good_per_second")
            name = f"answers at 16 clients, {one}, of Python's"
            found.append(Ratio(name, share, least, least=True))
    return found


if __name__ == "__main__":
    main()
