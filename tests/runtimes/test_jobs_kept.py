"""Jobs outlive the gateway: killed at any moment, stopped in good order, or out of disk."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.test_jobs import SLEEP, ended, order, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

OPEN = ("queued", "running")
# Each job has an answer of its own, which takes a moment.
SQUARE = """
import time

def apply(value):
    time.sleep(0.002)
    return [value["n"], value["n"] ** 2, value["pad"]]
"""


class Flood:
    """Clients that order jobs all the time, and know which were accepted."""

    def __init__(self, clients: int) -> None:
        self.accepted: dict[str, int] = {}
        self.served: GatewayProcess | None = None
        self._stop = threading.Event()
        self._numbers = iter(range(10**6))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers)
            served = self.served
            if served is None:
                time.sleep(0.02)
                continue
            try:
                self._order(served, number)
            except (OSError, HTTPException):
                time.sleep(0.02)  # killed before it answered: nothing was promised

    def _order(self, served: GatewayProcess, number: int) -> None:
        body = json.dumps({"n": number, "pad": "x" * (number % 7 * 500)}).encode()
        kind = {"Content-Type": "application/json"}
        if number % 2:
            taken = served.ask("PUT", f"/jobs/n{number}", body, kind)
        else:
            taken = served.ask("POST", "/", body, {**kind, "Prefer": "respond-async"})
        assert taken.status == 202, taken.body
        self.accepted[taken.json["id"]] = number


def kill(served: GatewayProcess) -> None:
    """End it as a power cut would, for the process."""
    served.process.kill()
    served.process.wait()


def all_done(served: GatewayProcess) -> None:
    end = time.monotonic() + 120
    while any(served.ask("GET", f"/jobs?state={one}&limit=1").json["jobs"] for one in OPEN):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_no_accepted_job_is_lost_or_mixed_up_when_the_gateway_is_killed(
    gateway: Start, tmp_path: Path, kills: int
) -> None:
    serving = {"workers": 2, "jobs": {"queue": 100_000, "attempts": 20, "keep_count": 100_000}}
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    flood = Flood(clients=3)
    try:
        for _ in range(kills):
            served = gateway(SQUARE, "--jobs", str(tmp_path / "jobs"), serving=serving)
            flood.served = served
            time.sleep(moments.uniform(0.05, 0.5))
            flood.served = None
            kill(served)
    finally:
        flood.end()
    served = gateway(SQUARE, "--jobs", str(tmp_path / "jobs"), serving=serving)
    all_done(served)
    assert len(flood.accepted) > 20, seed
    for name, number in flood.accepted.items():
        found = served.ask("GET", f"/jobs/{name}/result")
        assert found.status == 200, (seed, name, found.body)
        assert found.json == [number, number**2, "x" * (number % 7 * 500)], (seed, name)


def test_a_job_that_ran_when_the_gateway_was_killed_runs_again(
    gateway: Start, tmp_path: Path
) -> None:
    flags, serving = ("--jobs", str(tmp_path / "jobs")), {"jobs": {"attempts": 2}}
    served = gateway(SLEEP, *flags, serving=serving)
    name = order(served, 1).json["id"]
    waiting = order(served, 0).json["id"]
    state(served, name, "running")
    kill(served)
    served = gateway(SLEEP, *flags, serving=serving)
    state(served, name, "running")
    assert served.ask("GET", f"/jobs/{name}").json["attempt"] == 2
    kill(served)
    # Twice is enough: it may be what ends the gateway.
    served = gateway(SLEEP, *flags, serving=serving)
    document = ended(served, name)
    assert (document["state"], document["error"]["code"]) == ("failed", "attempts_exhausted")
    assert ended(served, waiting)["state"] == "succeeded"


def test_a_stop_in_good_order_puts_running_jobs_back(gateway: Start, tmp_path: Path) -> None:
    flags, serving = ("--jobs", str(tmp_path / "jobs")), {"jobs": {"attempts": 1}}
    code = SLEEP.replace("time.sleep(value)", "time.sleep(value if LONG else 0)")
    served = gateway("LONG = True\n" + code, *flags, serving=serving)
    name = order(served, 30).json["id"]
    state(served, name, "running")
    assert served.stop() == 0
    served = gateway("LONG = False\n" + code, *flags, serving=serving)
    document = ended(served, name)
    # It counts as begun, and not against the one attempt that it may lose.
    assert (document["state"], document["attempt"]) == ("succeeded", 2)
    assert served.stop() == 0
    assert [file.name for file in (tmp_path / "jobs").iterdir()] == ["jobs.sqlite3"]


def test_two_gateways_do_not_share_a_folder(gateway: Start, tmp_path: Path) -> None:
    flags = ("--jobs", str(tmp_path / "jobs"))
    first = gateway(SLEEP, *flags)
    name = order(first, 0).json["id"]
    second = gateway(SLEEP, *flags)
    refused = order(second, 0)
    assert (refused.status, refused.code) == (503, "jobs_unavailable")
    assert second.post(0).status == 200
    ended(first, name)
    first.stop()
    # It looks again and again, and takes over.
    end = time.monotonic() + 20
    while second.ask("GET", f"/jobs/{name}").status != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert order(second, 0).status == 202


def test_a_damaged_store_costs_the_jobs_and_not_the_calls(gateway: Start, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "jobs.sqlite3").write_bytes(b"not a database" * 1000)
    served = gateway(SLEEP, "--jobs", str(folder))
    assert order(served, 0).code == "jobs_unavailable"
    assert served.post(0).status == 200
    assert (folder / "jobs.sqlite3").read_bytes() == b"not a database" * 1000
    served.stop()
    assert any("cannot be opened" in line for line in served.printed)


def test_a_store_of_a_newer_gateway_is_left_alone(gateway: Start, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    with sqlite3.connect(folder / "jobs.sqlite3") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    assert order(gateway(SLEEP, "--jobs", str(folder)), 0).code == "jobs_unavailable"


def test_a_gateway_without_jobs_makes_no_store(gateway: Start, tmp_path: Path) -> None:
    served = gateway(SLEEP, "--jobs", str(tmp_path / "jobs"))
    assert served.post(0).status == 200
    assert served.ask("GET", "/jobs").status == 200
    assert not (tmp_path / "jobs").exists()
    loaded = _maps(served.process.pid)
    assert "sqlite" not in loaded
    order(served, 0)
    assert "sqlite" in _maps(served.process.pid)


def test_a_folder_that_cannot_be_written_is_told(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    served = gateway(SLEEP, "--jobs", str(tmp_path / "file" / "jobs"))
    assert ended(served, order(served, 0).json["id"])["state"] == "succeeded"
    served.stop()
    assert any("will be gone when this process ends" in line for line in served.printed)


@pytest.mark.parametrize(
    "limits", [{"keep": 0.2}, {"keep_count": 2}, {"keep_size": 3000}], ids=lambda one: str(one)
)
def test_ended_jobs_are_forgotten(gateway: Start, limits: dict[str, Any]) -> None:
    served = gateway("def apply(value):\n    return 'x' * value\n", serving={"jobs": limits})
    names = []
    for _ in range(5):
        names.append(order(served, 1000).json["id"])
        ended(served, names[-1])
    time.sleep(0.3)
    ended(served, order(served, 10).json["id"])
    assert served.ask("GET", f"/jobs/{names[0]}").code == "no_such_job"
    left = len(served.ask("GET", "/jobs").json["jobs"])
    assert 1 <= left <= 3


def _maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()
