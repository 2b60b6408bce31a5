"""Load by wrk on one server, and what the server's processes took meanwhile.

A load during which other processes, or the host of a virtual machine, took more than a tenth of a
core is repeated: what it shows is the wait for a core, which is not ours.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.usage import busy_seconds, cpu_seconds

SCRIPT = Path(__file__).resolve().with_name("post.lua")
OTHERS, TRIES = 0.1, 4  # cores that other processes may take meanwhile; runs of a load at most


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go, the JSON that each sends, and the leader of the server's process group."""

    url: str
    body: object
    leader: int


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk: answers, failures of any kind, latencies in milliseconds.

    `cpu` is of the server, in milliseconds an answer; `others` the cores that neither the server
    nor wrk took.
    """

    clients: int
    per_second: float
    p50: float
    p99: float
    answers: int
    failures: int
    cpu: float
    others: float

    @property
    def good_per_second(self) -> float:
        """Answers with 200 a second."""
        return self.per_second * (1 - self.failures / max(self.answers, 1))


def wrk(target: Target, clients: int, seconds: int, pause: int = 0, *, tries: int = TRIES) -> Load:
    """Load a server until no other process disturbs it, or for the last of `tries`."""
    loads: list[Load] = []
    while len(loads) < tries:
        loads.append(_once(target, clients, seconds, pause))
        if loads[-1].others <= OTHERS:
            break
        time.sleep(1)
    return min(loads, key=lambda load: load.others)


def _once(target: Target, clients: int, seconds: int, pause: int) -> Load:
    """Run wrk against a server, each client pausing about `pause` ms; return what it counted."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(SCRIPT)]
    body = json.dumps(target.body, separators=(",", ":"))
    before, all_before, wrk_before = cpu_seconds(target.leader), busy_seconds(), _children()
    began = time.perf_counter()
    done = subprocess.run(
        [*command, target.url, "--", body, str(pause)], capture_output=True, text=True, check=True
    )
    took = time.perf_counter() - began
    used = cpu_seconds(target.leader) - before
    others = busy_seconds() - all_before - used - (_children() - wrk_before)
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
        others=others / took,
    )


def _children() -> float:
    """Return the CPU seconds of the programs that this one ran and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
