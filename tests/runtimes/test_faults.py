"""Faults under load: each costs the call that made it, and no other one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import GatewayProcess
from tests.runtimes.crowd import Crowd, resident, told

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTY = Path(__file__).with_name("data") / "faulty.py"
SERVING = {"workers": 2, "timeout": 2.0, "worker_memory": 600_000_000, "queue": 200}
# Of the gateway while faults happen: what waits for a slow reader of logs is 16 MB.
GROWTH = 100_000_000

DIED, OVERDUE, MEMORY = "worker_died", "deadline_exceeded", "worker_out_of_memory"
FAULTS: list[tuple[str, object]] = [
    ("exit", DIED),
    ("exit in C", DIED),
    ("abort", DIED),
    ("segfault", DIED),
    ("overflow", DIED),
    ("kill", DIED),
    ("terminate", DIED),
    ("exec", DIED),
    ("close", DIED),
    ("garbage", DIED),
    ("long frame", DIED),
    ("no json", DIED),
    ("no utf-8", DIED),
    ("print", {"n": -1}),
    ("print without end", {"n": -1}),
    ("fork", {"n": -1}),
    ("fork and return", {"n": -1}),
    ("thread", {"n": -1}),
    ("stop", OVERDUE),
    ("spin", OVERDUE),
    ("hang with the lock", OVERDUE),
    ("bomb", MEMORY),
    ("sys.exit", "exception"),
    ("interrupt", {"n": -1}),
    ("odd", "exception"),
    ("huge message", "exception"),
    ("deep", "exception"),
    ("close stdout", {"n": -1}),
    ("stdin", {"n": -1}),
]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A service whose calls may ask for a fault."""
    app = tmp_path_factory.mktemp("faulty")
    (app / "src").mkdir()
    shutil.copy(FAULTY, app / "src" / "it.py")
    with GatewayProcess(app, serving=SERVING) as served:
        yield served


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_fault_costs_the_call_that_made_it(
    faulty: GatewayProcess, fault: str, expected: object
) -> None:
    before = resident(faulty.process.pid)
    with Crowd(faulty.port) as crowd:
        crowd.wait_for(20)
        answer = faulty.post({"fault": fault, "n": -1})
        crowd.wait_for(50)
    assert told(answer.body) == expected
    assert crowd.wrong == []
    assert resident(faulty.process.pid) - before < GROWTH


def test_a_frame_that_never_ends_swallows_answers_and_mixes_none_up(
    faulty: GatewayProcess,
) -> None:
    with Crowd(faulty.port) as crowd:
        crowd.wait_for(20)
        answer = faulty.post({"fault": "half a frame", "n": -1})
        crowd.wait_for(50)
    assert told(answer.body) == OVERDUE
    # Calls that the worker went on to answer, into that frame.
    assert all(" 504 " in one for one in crowd.wrong), crowd.wrong


def test_workers_that_are_killed_all_the_time(faulty: GatewayProcess) -> None:
    with Crowd(faulty.port, clients=8) as crowd:
        for _ in range(20):
            crowd.wait_for(10)
            for pid in faulty.workers():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        crowd.wait_for(50)
    # What a killed worker was doing is told to have failed; nothing is mixed up or forgotten.
    assert all(" 502 " in one and "SIGKILL" in one for one in crowd.wrong), crowd.wrong


@pytest.mark.parametrize("name", ["algo-template", "algo-parent"])
def test_the_processes_behind_the_workers_may_be_killed(faulty: GatewayProcess, name: str) -> None:
    parents = faulty.processes("algo-template") if name == "algo-template" else faulty.parents()
    with Crowd(faulty.port) as crowd:
        crowd.wait_for(20)
        for pid in parents:
            os.kill(pid, signal.SIGKILL)
        crowd.wait_for(50)
        for pid in faulty.workers():
            os.kill(pid, signal.SIGKILL)
        crowd.wait_for(50)
    assert all(" 502 " in one for one in crowd.wrong), crowd.wrong
    end = time.monotonic() + 20
    while len(faulty.workers()) != SERVING["workers"]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[GatewayProcess]:
    """The same with a longer timeout, for a machine that is busy with something else."""
    (tmp_path / "src").mkdir()
    shutil.copy(FAULTY, tmp_path / "src" / "it.py")
    with GatewayProcess(tmp_path, serving=SERVING | {"timeout": 8.0}) as served:
        yield served


@pytest.mark.slow
def test_three_minutes_of_faults_and_how_soon_each_is_over(patient: GatewayProcess) -> None:
    chance = random.Random(1)
    # Whoever closes the standard output has none for later calls either.
    faults = [one for one in FAULTS if one[0] != "close stdout"] + [("print 100 MB", {"n": -1})]
    ready = f"algo_workers {SERVING['workers']}\n".encode()
    before = resident(patient.process.pid)
    recoveries = []
    with Crowd(patient.port, clients=8) as crowd:
        end = time.monotonic() + 180
        while time.monotonic() < end:
            fault, expected = chance.choice(faults)
            answer = patient.post({"fault": fault, "n": -1})
            over = time.monotonic()
            assert told(answer.body) == expected, fault
            while ready not in patient.ask("GET", "/metrics").body:
                time.sleep(0.005)
            crowd.wait_for(10)
            recoveries.append(time.monotonic() - over)
    assert crowd.wrong == []
    assert resident(patient.process.pid) - before < GROWTH
    # Nine of ten: the machine may be busy now and then.
    assert statistics.quantiles(recoveries, n=10)[-1] < 1.0, sorted(recoveries)
