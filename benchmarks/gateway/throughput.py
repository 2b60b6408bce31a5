"""Requests per second and latency of a no-op algorithm, through us and through each peer.

python benchmarks/gateway/throughput.py [--seconds 5] [--rounds 2] [--peers fastapi,bentoml]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gateway.servers import HERE, SERVERS, Running, Server, running
from benchmarks.gateway.usage import cpu_seconds, memory_megabytes
from tests.machine import apt

CLIENTS = (1, 16)
PEERS = tuple(one.peer for one in SERVERS if one.peer)


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk: answers, failures of any kind, latencies in milliseconds."""

    clients: int
    per_second: float
    p50: float
    p99: float
    answers: int
    failures: int
    cpu: float

    @property
    def good_per_second(self) -> float:
        """Answers with 200 a second."""
        return self.per_second * (1 - self.failures / max(self.answers, 1))


@dataclass(frozen=True, slots=True)
class Result:
    """What one server did: seconds until its first answer, megabytes, a load per client count."""

    name: str
    ready: float
    memory: float
    loads: dict[int, Load]


def main() -> None:
    """Measure every server in turn, print the table and the ratios, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=2, help="A B C A B C; medians are shown")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    apt.install("wrk")
    wanted = set(options.peers.split(","))
    servers = [one for one in SERVERS if not one.peer or one.peer in wanted]
    rounds: dict[str, list[Result]] = {one.name: [] for one in servers}
    for _ in range(options.rounds):
        for server in servers:
            rounds[server.name].append(measure(server, options.seconds))
    results = {name: median(several) for name, several in rounds.items()}
    for line in table(results):
        print(line)
    met = verdicts(results)
    for line in met:
        print(line)
    if options.json is not None:
        figures = {"results": [asdict(one) for one in results.values()], "verdicts": met}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(server: Server, seconds: int) -> Result:
    """Start `server`, load it with each number of clients, and stop it."""
    with running(server) as found:
        wrk(found, 16, 1)  # warm-up
        loads = {clients: wrk(found, clients, seconds) for clients in CLIENTS}
        memory = memory_megabytes(found.process.pid)
    rate = ", ".join(f"{load.clients} clients {load.per_second:.0f}/s" for load in loads.values())
    print(f"  {server.name}: ready in {found.seconds:.2f} s, {rate}", file=sys.stderr)
    return Result(server.name, found.seconds, memory, loads)


def wrk(found: Running, clients: int, seconds: int) -> Load:
    """Run wrk against a server and return what it counted."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(HERE / "post.lua")]
    body = json.dumps(found.server.body, separators=(",", ":"))
    before = cpu_seconds(found.process.pid)
    done = subprocess.run(
        [*command, found.url, "--", body], capture_output=True, text=True, check=True
    )
    used = cpu_seconds(found.process.pid) - before
    line = json.loads(done.stdout.strip().splitlines()[-1])
    kinds = ("status", "connect", "read", "write", "timeout")
    return Load(
        clients=clients,
        per_second=line["requests"] / (line["duration"] / 1e6),
        p50=line["p50"] / 1000,
        p99=line["p99"] / 1000,
        answers=line["requests"],
        failures=sum(line[kind] for kind in kinds),
        cpu=used * 1000 / max(line["requests"], 1),
    )


def median(several: list[Result]) -> Result:
    """Return the medians of several rounds, and the sum of their answers and failures."""
    loads = {}
    for clients in CLIENTS:
        runs = [one.loads[clients] for one in several]
        loads[clients] = replace(
            runs[0],
            per_second=statistics.median(run.per_second for run in runs),
            p50=statistics.median(run.p50 for run in runs),
            p99=statistics.median(run.p99 for run in runs),
            cpu=statistics.median(run.cpu for run in runs),
            answers=sum(run.answers for run in runs),
            failures=sum(run.failures for run in runs),
        )
    ready = statistics.median(one.ready for one in several)
    memory = statistics.median(one.memory for one in several)
    return Result(several[0].name, ready, memory, loads)


def table(results: dict[str, Result]) -> list[str]:
    """Return a Markdown table."""
    lines = [
        "| server | ready s | p50 ms, 1 | req/s, 1 | 200s/s, 16 | p99 ms, 16 | CPU ms/req | PSS MB "
        "| not 200 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in results.values():
        single, many = one.loads[1], one.loads[16]
        failed = single.failures + many.failures
        lines.append(
            f"| {one.name} | {one.ready:.2f} | {single.p50:.2f} | {single.per_second:.0f} "
            f"| {many.good_per_second:.0f} | {many.p99:.2f} | {many.cpu:.3f} | {one.memory:.0f} "
            f"| {failed} of {single.answers + many.answers} |"
        )
    return lines


def verdicts(results: dict[str, Result]) -> list[str]:
    """Return a line for each target: the ratio and whether it is met."""
    ours, lines = results["algo"], []
    rate = ours.loads[16].good_per_second
    fastapi = results.get("FastAPI + uvicorn")
    others = [
        one.loads[16].good_per_second
        for name, one in results.items()
        if name in {"BentoML", "LitServe", "MLServer", "coglet"}
    ]
    if fastapi is not None:
        ratio = rate / fastapi.loads[16].good_per_second
        lines.append(_verdict("200s/s at 16 clients, of FastAPI + uvicorn", ratio, 2.5))
        quick = fastapi.loads[1].p50 / ours.loads[1].p50
        lines.append(_verdict("p50 at 1 client, FastAPI's over ours", quick, 1.0))
    if others:
        lines.append(_verdict("200s/s at 16 clients, of the best other", rate / max(others), 8.0))
    limit = results["granian echo (limit)"].loads[16].good_per_second
    lines.append(f"200s/s at 16 clients, of the limit: {rate / limit:.2f}")
    failures = sum(load.failures for load in ours.loads.values())
    lines.append(f"answers other than 200: {failures}: {'met' if not failures else 'MISSED'}")
    return lines


def _verdict(what: str, ratio: float, least: float) -> str:
    return f"{what}: {ratio:.2f}, at least {least}: {'met' if ratio >= least else 'MISSED'}"


if __name__ == "__main__":
    main()
