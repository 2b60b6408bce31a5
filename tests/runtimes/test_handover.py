"""A gateway takes over from another one, on the listening socket that both have."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from algo.engines.door import NAME, Door

from tests.runtimes.conftest import TOKEN, GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import time

def apply(value):
    time.sleep(value)
    return {version}
"""
STREAM = """
import time

def apply(value):
    for number in range(5):
        time.sleep(value)
        yield {version}
"""


# A request that is followed where it is answered.
NAMED = {"X-Request-Id": "mine", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door.open(tmp_path, "127.0.0.1", 0)
    yield opened
    opened.close()


started: list[GatewayProcess] = []


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """Leave no gateway behind, also where a test fails."""
    yield
    while started:
        started.pop().stop()


def start(folder: Path, door: Door, code: str, *flags: str) -> GatewayProcess:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "it.py").write_text(code)
    control = ("--development", "--control", f"unix:{folder}/c.sock")
    served = GatewayProcess(folder, *control, "--door", str(door.folder / NAME), *flags)
    started.append(served)
    assert served.port == door.port
    return served


def tell(served: GatewayProcess, what: str) -> None:
    assert served.control({"do": what, "token": TOKEN})["ok"]


def test_one_takes_over_while_requests_come(tmp_path: Path, door: Door) -> None:
    old = start(tmp_path / "old", door, CODE.format(version=1))
    new = start(tmp_path / "new", door, CODE.format(version=2), "--standby")
    kept = http.client.HTTPConnection("127.0.0.1", door.port)
    assert call(kept, 0) == 1
    answers: list[object] = []
    failures: list[Exception] = []
    done = threading.Event()

    def ask(*, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
        while not done.is_set():
            try:
                answers.append(call(connection, 0.005))
            except (OSError, http.client.HTTPException) as error:
                failures.append(error)
            if not keep:
                connection.close()
        connection.close()

    asking = [threading.Thread(target=ask, kwargs={"keep": at % 2 == 0}) for at in range(6)]
    for thread in asking:
        thread.start()
    time.sleep(0.3)
    assert set(answers) == {1}
    tell(new, "accept")
    tell(old, "leave")
    time.sleep(0.05)
    answers.clear()
    time.sleep(0.3)
    done.set()
    for thread in asking:
        thread.join()
    assert failures == []
    assert set(answers) == {2}
    # A connection that was idle all the time is of use once more, and leads to the new one.
    assert old.process.poll() is None
    assert call(kept, 0, **NAMED) == 2
    assert old.process.wait(5) == 0
    assert call(kept, 0) == 2
    kept.close()


def test_what_began_before_ends_where_it_began(tmp_path: Path, door: Door) -> None:
    old = start(tmp_path / "old", door, STREAM.format(version=1))
    new = start(tmp_path / "new", door, STREAM.format(version=2), "--standby")
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    connection.request("POST", "/", b"0.1", {"Content-Type": "application/json"})
    response = connection.getresponse()
    tell(new, "accept")
    tell(old, "leave")
    assert response.read() == b"1\n" * 5
    assert call(connection, 0) == [2] * 5  # forwarded, piece by piece
    connection.close()
    assert old.process.wait(5) == 0


def test_without_its_door_a_gateway_says_so(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.py").write_text(CODE.format(version=1))
    served = GatewayProcess(tmp_path, "--door", str(tmp_path / "nowhere"))
    assert served.stop() == 75


def call(connection: http.client.HTTPConnection, value: float, **headers: str) -> object:
    kind = {"Content-Type": "application/json"}
    connection.request("POST", "/", json.dumps(value), kind | headers)
    response = connection.getresponse()
    text = response.read()
    assert response.status == 200, text
    lines = text.splitlines()
    return json.loads(text) if len(lines) == 1 else [json.loads(line) for line in lines]
