"""Streams over HTTP: their form, their errors, slow readers, and readers that leave."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo_gateway.calls.call import Result
from algo_gateway.calls.pieces import form_of, quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

EVENTS = "text/event-stream"
ECHO = "def apply(values):\n    yield from values\n"
BINARY = "def apply(value):\n    yield b'\\x00\\xff'\n    yield b'\\n'\n"
# Pieces of 10 kB until nobody wants more; a file has a byte for each, another says the end.
ENDLESS = """
from pathlib import Path

def apply(value):
    if value is None:
        return 'here'
    return pieces(Path(value))

def pieces(file):
    number = 0
    try:
        while number < 20_000:
            yield f'{number:010}' * 1000
            number += 1
            with file.open('ab') as made:
                made.write(b'x')
    finally:
        Path(f'{file}.closed').touch()
"""
ENDLESS_ASYNC = ENDLESS.replace("def ", "async def ")


def events(body: bytes) -> list[tuple[str, str, str]]:
    """Type, data and id of each event, by the rules of HTML, 9.2.6."""
    found = []
    kind, data, number = "", "", ""
    for line in body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append((kind or "message", data.removesuffix("\n"), number))
            kind, data = "", ""
        elif name == "event":
            kind = value
        elif name == "data":
            data += value + "\n"
        elif name == "id":
            number = value
        else:
            assert not name, line
    return found


def connected(
    served: GatewayProcess, body: bytes, *, http_version: str = "1.1", accept: str = EVENTS
) -> socket.socket:
    """A client that has called and reads nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    client.settimeout(20)
    client.connect(("127.0.0.1", served.port))
    head = f"POST / HTTP/{http_version}\r\nHost: it\r\nAccept: {accept}\r\n"
    client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return client


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_client_chooses_the_form_of_a_stream(gateway: Start) -> None:
    served = gateway(ECHO)
    for accept, kind in (
        ("", "application/jsonl"),
        ("application/json", "application/jsonl"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/event-stream;q=0, */*", "application/jsonl"),
        (f"{EVENTS};q=0.5, application/jsonl", "application/jsonl"),
        (f"application/jsonl;q=0.5, {EVENTS}", EVENTS),
        (f"*/*, {EVENTS}", EVENTS),
        ("TEXT/Event-Stream", EVENTS),
    ):
        answer = served.post([{"n": 1}, "a\nb"], Accept=accept)
        assert (answer.status, answer.headers["content-type"]) == (200, kind), accept
        assert "no-cache" in answer.headers["cache-control"]
        assert answer.headers["x-accel-buffering"] == "no"
        if kind == EVENTS:
            told = [("message", '{"n":1}', "1"), ("message", "a\nb", "2")]
            assert events(answer.body) == told
        else:
            assert answer.body == b'{"n":1}\n"a\\nb"\n'


@pytest.mark.parametrize(
    ("accept", "kind", "liked"),
    [
        ("", "a/b", 1.0),
        ("*/*;q=0.3", "a/b", 0.3),
        ("a/*;q=0.5, */*;q=0.9", "a/b", 0.5),
        ("a/b;q=0.1, a/*", "a/b", 0.1),
        ("c/d", "a/b", 0.0),
        ("a/b; level=1; q=0.7", "a/b", 0.7),
        ("a/b;q=much", "a/b", 0.0),
        ("a/b;q=7", "a/b", 1.0),
    ],
)
def test_the_most_exact_range_of_accept_counts(accept: str, kind: str, liked: float) -> None:
    assert quality(accept, kind) == liked


@pytest.mark.parametrize("text", ["a\r\nb", "a\rb", "\n\n", "", " a", "data: x", "\u2028", ":"])
def test_any_text_is_one_event(text: str) -> None:
    form = form_of(EVENTS, "text/plain; charset=utf-8")
    sent = form.piece(Result("text/plain; charset=utf-8", text.encode())) + b": quiet\n\n"
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    assert events(sent) == [("message", whole, "1")]


def test_bytes_are_a_binary_stream(gateway: Start) -> None:
    served = gateway(BINARY)
    answer = served.post(0)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.body == b"\x00\xff\n"
    (first, second) = events(served.post(0, Accept=EVENTS).body)
    assert (first[0], base64.b64decode(first[1])) == ("binary", b"\x00\xff")
    assert (second[0], base64.b64decode(second[1])) == ("binary", b"\n")
    lines = served.post(0, Accept="application/jsonl").body.splitlines()
    assert [base64.b64decode(json.loads(line)) for line in lines] == [b"\x00\xff", b"\n"]


def test_text_comes_as_it_is(gateway: Start) -> None:
    answer = gateway(ECHO).post(["Grüße", "\n", ""])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == "Grüße\n"


def test_nothing_is_an_empty_stream(gateway: Start) -> None:
    served = gateway(ECHO)
    for accept in ("*/*", EVENTS):
        answer = served.post([], Accept=accept)
        assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == EVENTS


FAILING = """
class AlgorithmError(Exception):
    code = 'enough'

def apply(values):
    for value in values:
        if value is None:
            raise AlgorithmError('no more')
        yield value
"""


def test_an_error_before_the_first_piece_is_a_status(gateway: Start) -> None:
    served = gateway(FAILING)
    for accept in ("*/*", EVENTS):
        answer = served.post([None], Accept=accept)
        assert (answer.status, answer.code) == (400, "enough")
        assert answer.headers["content-type"] == "application/json"


def test_an_error_after_it_is_an_event_or_the_last_line(gateway: Start) -> None:
    served = gateway(FAILING)
    answer = served.post([1, None], Accept=EVENTS)
    (first, last) = events(answer.body)
    assert (answer.status, first[1]) == (200, "1")
    assert (last[0], json.loads(last[1])["error"]["code"]) == ("error", "enough")
    lines = served.post([1, None]).body.splitlines()
    assert (lines[0], json.loads(lines[1])["error"]["code"]) == (b"1", "enough")
    assert served.post([1]).body == b"1\n"


def test_a_text_that_fails_does_not_look_whole(gateway: Start) -> None:
    served = gateway(FAILING)
    with pytest.raises(http.client.IncompleteRead) as caught:
        served.post(["one", "two", None])
    assert caught.value.partial == b"onetwo"
    assert served.post(["one", "two"]).body == b"onetwo"


def test_a_deadline_in_mid_stream_is_told(gateway: Start) -> None:
    code = "import asyncio\n\nasync def apply(value):\n    yield 1\n    await asyncio.sleep(60)\n"
    served = gateway(code)
    answer = served.post(0, Accept=EVENTS, **{"X-Request-Timeout": "500ms"})
    (first, last) = events(answer.body)
    assert (first[1], last[0]) == ("1", "error")
    assert json.loads(last[1])["error"]["code"] == "deadline_exceeded"


def test_a_quiet_stream_lets_its_client_know(gateway: Start) -> None:
    code = "import time\n\ndef apply(value):\n    yield 1\n    time.sleep(1)\n    yield 2\n"
    served = gateway(code, serving={"heartbeat": 0.2})
    body = served.post(0, Accept=EVENTS).body
    assert body.count(b": still there\n\n") >= 2
    assert [data for _, data, _ in events(body)] == ["1", "2"]
    assert served.post(0).body == b"1\n2\n"


def test_pieces_come_as_they_are_yielded(gateway: Start, tmp_path: Path) -> None:
    code = "import time\nfrom pathlib import Path\n\ndef apply(file):\n    yield 'first\\n'\n"
    code += "    while not Path(file).exists():\n        time.sleep(0.01)\n    yield 'second\\n'\n"
    served = gateway(code)
    body = json.dumps(str(tmp_path / "go"))
    curl = subprocess.Popen(
        ["curl", "-sSN", "-d", body, f"http://127.0.0.1:{served.port}/"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert curl.stdout is not None
    with curl.stdout as printed:
        assert printed.readline() == "first\n"
        (tmp_path / "go").touch()
        assert printed.read() == "second\n"
    assert curl.wait(10) == 0


def test_a_client_of_http_1_0_gets_a_stream_without_chunks(gateway: Start) -> None:
    served = gateway(ECHO)
    with closing(connected(served, b"[1,2]", http_version="1.0")) as client:
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert [data for _, data, _ in events(body)] == ["1", "2"]


@pytest.mark.parametrize("code", [ENDLESS, ENDLESS_ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_slow_reader_slows_its_generator_and_no_other_call(
    gateway: Start, tmp_path: Path, code: str, concurrency: int
) -> None:
    served = gateway(code, serving={"concurrency": concurrency})
    files = [tmp_path / f"made{number}" for number in range(concurrency - 1 or 1)]
    with ExitStack() as stack:
        calls = [json.dumps(str(file)).encode() for file in files]
        clients = [stack.enter_context(closing(connected(served, call))) for call in calls]
        _read_slowly(served, files, clients)
    until(lambda: all(Path(f"{file}.closed").exists() for file in files))
    assert served.post(None).body == b"here"


def _read_slowly(served: GatewayProcess, files: list[Path], clients: list[socket.socket]) -> None:
    until(lambda: all(file.exists() for file in files))
    before: list[int] = []
    while before != (now := [file.stat().st_size for file in files]):
        before = now
        time.sleep(0.3)
    # Of 200 MB each: what fits into the pipe, a stream and two sockets.
    assert all(0 < made < 1500 for made in before)
    if len(files) > 1:
        # Others are answered while two readers do not move.
        assert served.post(None, **{"X-Request-Timeout": "10"}).body == b"here"
    for client in clients:
        data = b""
        while data.count(b"\n\n") < 500:
            data += client.recv(1 << 16)
        numbers = [line[6:16] for line in data.split(b"\n") if line.startswith(b"data: ")]
        assert [int(number) for number in numbers[:499]] == list(range(499))


@pytest.mark.parametrize("accept", ["*/*", EVENTS])
def test_a_reader_that_leaves_a_quiet_stream_ends_it(
    gateway: Start, tmp_path: Path, accept: str
) -> None:
    code = "import asyncio\nfrom pathlib import Path\n\nasync def apply(file):\n    try:\n"
    code += "        yield 1\n        await asyncio.sleep(60 if file else 0)\n    finally:\n"
    code += "        Path(file or '/dev/null').touch()\n"
    served = gateway(code)
    file = tmp_path / "closed"
    with closing(connected(served, json.dumps(str(file)).encode(), accept=accept)) as client:
        data = b""
        while b"1\n" not in data.partition(b"\r\n\r\n")[2]:
            data += client.recv(4096)
        assert not file.exists()
    until(file.exists)
    # The gateway has let go of it, too.
    ended = b'algo_requests_total{status="200"} 1\n'
    until(lambda: ended in served.ask("GET", "/metrics").body)
    assert served.post("").body == b"1\n"


def test_what_nobody_read_of_a_stream_that_ended_holds_up_nothing(gateway: Start) -> None:
    code = "def apply(count):\n    for _ in range(count):\n        yield 'x' * 20_000\n"
    served = gateway(code)
    for count in range(300, 400, 10):  # more than the sockets hold
        with closing(connected(served, b"%d" % count)):
            time.sleep(0.1)
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: served.post(80), range(4)))
    assert {len(answer.body) for answer in answers} == {1_600_000}


def test_an_async_function_may_return_a_generator(gateway: Start) -> None:
    code = "async def apply(value):\n    return pieces(value)\n\n"
    code += "async def pieces(value):\n    for number in range(value):\n        yield number\n"
    assert gateway(code).post(3).body == b"0\n1\n2\n"
