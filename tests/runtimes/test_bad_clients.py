"""Clients that are slow, vanish, send too much or read nothing: the others notice nothing."""

from __future__ import annotations

import contextlib
import json
import select
import shutil
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import GatewayProcess
from tests.runtimes.crowd import Crowd, resident

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTY = Path(__file__).with_name("data") / "faulty.py"
HEAD = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\n"
MOST_HELD = 256 << 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A service that takes bodies of up to 40 MB."""
    app = tmp_path_factory.mktemp("faulty")
    (app / "src").mkdir()
    shutil.copy(FAULTY, app / "src" / "it.py")
    serving = {"workers": 2, "timeout": 20.0, "max_body": 40_000_000, "queue": 200}
    with GatewayProcess(app, serving=serving) as gateway:
        yield gateway


@contextlib.contextmanager
def connected(served: GatewayProcess, count: int) -> Iterator[list[socket.socket]]:
    """Open `count` connections for a block."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=20))
            for _ in range(count)
        ]


def call(value: object) -> bytes:
    body = json.dumps(value).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def shrunk(served: GatewayProcess, size: int) -> None:
    """Wait until the gateway has less than `size` bytes."""
    end = time.monotonic() + 60
    while resident(served.process.pid) > size:
        assert time.monotonic() < end, resident(served.process.pid)
        time.sleep(0.1)


def vanish(client: socket.socket) -> None:
    """Reset the connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_slow_clients(served: GatewayProcess) -> None:
    request = call({"n": 5})
    with connected(served, 50) as clients, Crowd(served.port) as crowd:
        for at in range(0, len(request), 8):
            for client in clients:
                client.sendall(request[at : at + 8])
            crowd.wait_for(3)
        for client in clients:
            assert client.recv(4096).endswith(b'{"n":5}')
    assert crowd.wrong == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD[:20],
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Content-Length: 30000000\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        call({"n": 1}),
        call({"n": 1}) * 20,
    ],
    ids=["at once", "head", "body", "large body", "chunk", "call", "calls"],
)
def test_clients_that_vanish(served: GatewayProcess, sent: bytes) -> None:
    with Crowd(served.port) as crowd:
        for _ in range(10):
            with connected(served, 20) as clients:
                for client in clients:
                    client.sendall(sent)
                    vanish(client)
            crowd.wait_for(5)
    assert crowd.wrong == []


def test_calls_that_come_all_at_once_on_one_connection_are_answered_in_turn(
    served: GatewayProcess,
) -> None:
    with connected(served, 1) as (client,), Crowd(served.port) as crowd:
        client.sendall(b"".join(call({"n": number}) for number in range(500)))
        data = b""
        while data.count(b"HTTP/1.1 200") < 500 or not data.endswith(b'{"n":499}'):
            piece = client.recv(1 << 16)
            assert piece, data[-500:]
            data += piece
    bodies = [part.rpartition(b"\r\n")[2] for part in data.split(b"HTTP/1.1 ")[1:]]
    assert [json.loads(body)["n"] for body in bodies] == list(range(500))
    assert crowd.wrong == []


@pytest.mark.parametrize(
    "headers",
    [
        b"".join(b"x-%d: y\r\n" % number for number in range(10_000)),
        b"x: " + b"y" * 1_000_000 + b"\r\n",
        b"x" * 1_000_000 + b": y\r\n",
    ],
    ids=["10,000", "long value", "long name"],
)
def test_clients_that_send_too_many_headers(served: GatewayProcess, headers: bytes) -> None:
    with Crowd(served.port) as crowd:
        for _ in range(5):
            with connected(served, 1) as (client,):
                with contextlib.suppress(ConnectionError):
                    client.sendall(HEAD + headers + b"Content-Length: 0\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 431 ")
            crowd.wait_for(5)
    assert crowd.wrong == []


def test_bodies_that_are_announced_take_no_more_than_their_share(served: GatewayProcess) -> None:
    large = HEAD + b"Content-Length: 40000000\r\n\r\n"
    with Crowd(served.port) as crowd:
        with connected(served, 12) as clients:
            for client in clients:
                client.sendall(large + b" " * 100_000)
            expected = len(clients) - MOST_HELD // 40_000_000
            waiting = set(clients)
            while len(waiting) > len(clients) - expected:
                for client in select.select(waiting, [], [], 20)[0]:
                    answer = client.recv(4096)
                    assert answer.startswith(b"HTTP/1.1 429 ")
                    assert b"retry-after: 1" in answer
                    waiting.remove(client)
            assert select.select(waiting, [], [], 0.5)[0] == []
            for client in clients:
                vanish(client)
        crowd.wait_for(20)
        # Their share is free again.
        assert served.post(b'{"n": 7}' + b" " * 30_000_000).json == {"n": 7}
    assert crowd.wrong == []


def test_clients_that_read_nothing(served: GatewayProcess) -> None:
    before = resident(served.process.pid)
    with Crowd(served.port) as crowd, connected(served, 30) as clients:
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(call({"fault": "large result", "n": -1}))
        crowd.wait_for(100)
        # 30 answers of 30 MB: those that nobody reads are cut.
        shrunk(served, before + 2 * MOST_HELD)
        crowd.wait_for(50)
    assert crowd.wrong == []
    # What was freed is the system's again, and nothing that ended keeps a body.
    shrunk(served, before + (100 << 20))
