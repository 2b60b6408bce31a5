"""Clients that send too much or too slowly, and the service that others have meanwhile."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"
HEAD = b"POST / HTTP/1.1\r\nHost: it\r\n"
MANY = b"".join(b"x-%d: y\r\n" % number for number in range(10_000))


def talk(served: GatewayProcess, *pieces: bytes) -> bytes:
    """Send `pieces`, and return what comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
        with suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
        answer = b""
        with suppress(ConnectionError):
            while piece := client.recv(65_536):
                answer += piece
        return answer


TOO_MUCH = [
    (HEAD + MANY + b"\r\n", 431, "too_many_headers"),
    (HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n", 431, "head_too_large"),
    (b"POST /" + b"y" * 100_000 + b" HTTP/1.1\r\nHost: it\r\n\r\n", 431, "head_too_large"),
    (HEAD + b"Content-Length: 99999999999\r\n\r\n", 413, "body_too_large"),
    (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1", 400, "malformed_request"),
]


def test_what_is_too_much_is_refused_and_counted(gateway: Start) -> None:
    served = gateway(ECHO)
    for sent, status, code in TOO_MUCH:
        answer = talk(served, sent)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert code.encode() in answer
        assert served.post(1).json == 1
    page = served.ask("GET", "/metrics").body.decode()
    for code, count in Counter(code for _, _, code in TOO_MUCH).items():
        assert f'algo_refused_total{{reason="{code}"}} {count}\n' in page
    for status, count in Counter(status for _, status, _ in TOO_MUCH).items():
        assert f'algo_requests_total{{status="{status}"}} {count}\n' in page


def test_chunks_without_an_end_are_refused_at_the_limit(gateway: Start) -> None:
    served = gateway(ECHO, serving={"max_body": 1_000_000})
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = talk(served, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 400)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert served.post(1).json == 1


def test_slow_clients_hold_nobody_up(gateway: Start) -> None:
    served = gateway(ECHO)
    with ExitStack() as stack:
        for beginning in (b"", b"POST / HT", HEAD, HEAD + b"Content-Length: 9\r\n\r\n1"):
            for _ in range(50):
                client = socket.create_connection(("127.0.0.1", served.port), timeout=20)
                stack.enter_context(client)
                client.sendall(beginning)
        assert served.ask("GET", "/healthz").status == 200
        assert served.post(1).json == 1
        found = re.search(rb"algo_connections (\d+)", served.ask("GET", "/metrics").body)
        assert found is not None
        assert int(found[1]) > 200
    end = time.monotonic() + 10
    while b"algo_connections 1\n" not in served.ask("GET", "/metrics").body:
        assert time.monotonic() < end
        time.sleep(0.05)
