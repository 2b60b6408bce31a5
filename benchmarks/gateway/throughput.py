"""Requests per second and latency of a no-op algorithm, through us and through each peer.

python -m benchmarks.gateway.throughput [--seconds 2] [--rounds 5] [--peers fastapi,bentoml]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from benchmarks.gateway.load import OTHERS, Load, wrk
from benchmarks.gateway.servers import SERVERS, Server, running
from benchmarks.gateway.usage import memory_megabytes
from benchmarks.outcome import Outcome, Ratio, report
from tests.machine import apt

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENTS = (1, 16)
HALF_LOAD, HALF_LOAD_PAUSE = 0, 5  # a key of `loads`; milliseconds
AT_HALF_LOAD = {"algo", "granian echo (limit)"}
MODEL_ROUNDS = 2  # of the model servers: they are slow to start, and far from any limit
MODEL = {"BentoML", "LitServe", "MLServer", "coglet"}
COLUMNS = [
    *(
        "server",
        "ready s",
        "p50 ms, 1 client",
        "answers/s, 1",
        "answers of 200/s, 16",
        "p99 ms, 16",
    ),
    *("processor ms a call, 16", "PSS MB", "not 200"),
]
PEERS = tuple(one.peer for one in SERVERS if one.peer)


@dataclass(frozen=True, slots=True)
class Result:
    """What one server did: seconds until its first answer, megabytes, a load per client count."""

    name: str
    ready: float
    memory: float
    loads: dict[int, Load]


def main() -> None:
    """Measure every server in turn and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=5, help="A B C A B C; medians are shown")
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    apt.install("wrk")
    wanted = {*options.peers.split(","), "granian"}
    servers = [one for one in SERVERS if not one.peer or one.peer in wanted]
    rounds: dict[str, list[Result]] = {one.name: [] for one in servers}
    for number in range(options.rounds):
        for server in servers:
            if server.name in MODEL and number >= MODEL_ROUNDS:
                continue
            rounds[server.name].append(measure(server, options.seconds))
    results = {name: median(several) for name, several in rounds.items()}
    title = "a no-op JSON call through gateway and runner, beside model servers and limits"
    found = Outcome("gateway.throughput", title, COLUMNS, rows(results), ratios(results))
    report(disturbed(found, results.values()))


def measure(server: Server, seconds: int) -> Result:
    """Start `server`, load it with each number of clients, and stop it."""
    with running(server) as found:
        wrk(found.target, 16, 1)  # warm-up
        loads = {clients: wrk(found.target, clients, seconds) for clients in CLIENTS}
        memory = memory_megabytes(found.process.pid)
        if server.name in AT_HALF_LOAD:
            # As many clients that each send once in HALF_LOAD_PAUSE as make half the load.
            clients = max(1, round(loads[16].good_per_second / 2 * HALF_LOAD_PAUSE / 1000))
            loads[HALF_LOAD] = wrk(found.target, clients, seconds, pause=HALF_LOAD_PAUSE)
    rate = ", ".join(f"{load.clients} clients {load.per_second:.0f}/s" for load in loads.values())
    print(f"  {server.name}: ready in {found.seconds:.2f} s, {rate}", file=sys.stderr)
    return Result(server.name, found.seconds, memory, loads)


def median(several: list[Result]) -> Result:
    """Return the medians of several rounds, and the sum of their answers and failures."""
    loads = {}
    for clients in several[0].loads:
        runs = [one.loads[clients] for one in several]
        loads[clients] = replace(
            runs[0],
            per_second=statistics.median(run.per_second for run in runs),
            p50=statistics.median(run.p50 for run in runs),
            p99=statistics.median(run.p99 for run in runs),
            cpu=statistics.median(run.cpu for run in runs),
            others=max(run.others for run in runs),
            answers=sum(run.answers for run in runs),
            failures=sum(run.failures for run in runs),
        )
    ready = statistics.median(one.ready for one in several)
    memory = statistics.median(one.memory for one in several)
    return Result(several[0].name, ready, memory, loads)


def rows(results: dict[str, Result]) -> list[list[str]]:
    """Return the table's rows."""
    lines = []
    for one in results.values():
        single, many = one.loads[1], one.loads[16]
        failed = single.failures + many.failures
        lines.append(
            [
                *(one.name, f"{one.ready:.2f}", f"{single.p50:.3f}", f"{single.per_second:.0f}"),
                *(f"{many.good_per_second:.0f}", f"{many.p99:.2f}", f"{many.cpu:.3f}"),
                *(f"{one.memory:.0f}", f"{failed} of {single.answers + many.answers}"),
            ]
        )
    for one in results.values():
        if half := one.loads.get(HALF_LOAD):
            lines.append(
                [
                    *(f"{one.name}, at half its load", ""),
                    *(f"{half.p50:.3f} (at {half.clients} clients)", ""),
                    *(f"{half.good_per_second:.0f}", f"{half.p99:.2f}", f"{half.cpu:.3f}", ""),
                    f"{half.failures} of {half.answers}",
                ]
            )
    return lines


def disturbed(outcome: Outcome, results: Iterable[Result]) -> Outcome:
    """Say how much other work disturbed the worst load that counts."""
    worst = max(load.others for one in results for load in one.loads.values())
    if worst <= OTHERS:
        return outcome
    return msgspec.structs.replace(
        outcome, note=f"while other work took up to {worst:.2f} of a core"
    )


def ratios(results: dict[str, Result]) -> list[Ratio]:
    """Return what was asked for."""
    ours, found = results["algo"], []
    one, many, half = ours.loads[1], ours.loads[16], ours.loads[HALF_LOAD]
    rate = many.good_per_second
    fastapi = results.get("FastAPI + uvicorn")
    others = [result.loads[16].good_per_second for name, result in results.items() if name in MODEL]
    if fastapi is not None:
        there = fastapi.loads[16]
        found += [
            Ratio(
                "answers at 16 clients, of FastAPI + uvicorn's",
                rate / there.good_per_second,
                3.0,
                least=True,
            ),
            Ratio(
                "p50 at 1 client, of FastAPI + uvicorn's",
                one.p50 / fastapi.loads[1].p50,
                0.85,
                least=False,
            ),
            Ratio(
                "processor time a call, of FastAPI + uvicorn's",
                many.cpu / there.cpu,
                1.0,
                least=False,
            ),
        ]
    if others:
        found.append(
            Ratio(
                "answers at 16 clients, of the best model server's",
                rate / max(others),
                10.0,
                least=True,
            )
        )
    limit = results["granian echo (limit)"].loads[16].good_per_second
    echo = results["granian echo (limit)"].loads[HALF_LOAD]
    failures = sum(load.failures for load in ours.loads.values())
    return [
        *found,
        Ratio("answers at 16 clients, of a bare granian echo's", rate / limit, 0.55, least=True),
        Ratio("p99 at half load, of its p50", half.p99 / half.p50, 3.0, least=False),
        Ratio("the same of a bare granian echo", echo.p99 / echo.p50, None, least=False),
        Ratio("memory of gateway and one no-op worker", ours.memory, 60.0, least=False, unit="MB"),
        Ratio("answers other than 200", float(failures), 0.0, least=False),
    ]


if __name__ == "__main__":
    main()
