"""The HTTP server by itself: what clients may send, and what becomes of those who misbehave."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from algo_gateway.http.limits import HEAD_TIME, MOST_HEAD, MOST_HEADERS, STALL_TIME
from algo_gateway.http.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """An app whose answers say what it got; some paths do something else."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()

    def __call__(self, scope: Any, proto: Any) -> Any:
        if scope.path == "/now" and proto.body is not None:
            proto.answer("text/plain", "name", bytes(proto.body))
            return None
        return self._later(scope, proto)

    async def _later(self, scope: Any, proto: Any) -> None:
        if scope.path == "/now":
            proto.answer("text/plain", "name", bytes(await proto()))
        elif scope.path == "/refuse":
            proto.response_str(413, [], "no")
        elif scope.path == "/fault":
            raise KeyError("a fault")
        elif scope.path == "/header":
            proto.response_bytes(200, [("x-a", "1\r\nx-b: 2")], b"")
        elif scope.path == "/wait":
            await proto.client_disconnect()
            self.gone.set()
        elif scope.path == "/stream":
            stream = proto.response_stream(200, [])
            for piece in (b"one", b"", b"two"):
                await stream.send_bytes(piece)
        elif scope.path == "/flood":
            stream = proto.response_stream(200, [])
            for _ in range(200):
                await stream.send_bytes(b"x" * 65_536)
            self.gone.set()
        elif scope.path == "/pieces":
            sizes = [len(piece) async for piece in proto]
            proto.response_str(200, [], f"{sum(sizes)} {max(sizes, default=0) < 1 << 19}")
        else:
            self.began.set()
            if scope.path == "/slow":
                await self.go_on.wait()
            body = bytes(await proto())
            told = {"method": scope.method, "path": scope.path, "query": scope.query_string}
            told |= {"body": body.decode()} if len(body) < 100 else {"length": len(body)}
            proto.response_bytes(200, [("content-type", "x/y")], json.dumps(told).encode())


def served(
    test: Callable[[Echo, Callable[[], Awaitable[Client]]], Awaitable[None]],
    second: float = 1.0,
    room: int = 1000,
) -> list[str]:
    """Run `test` with a server and a function that connects; return what the server said."""
    said: list[str] = []

    async def run() -> None:
        app = Echo()
        listener = Listener(app, said.append, second=second, clients=room)
        port = await listener.listen("127.0.0.1", 0)

        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(await asyncio.open_connection("127.0.0.1", port))
            return clients[-1]

        try:
            async with asyncio.timeout(10):
                await test(app, connect)
        finally:
            for _, writer in clients:
                writer.transport.abort()
            await listener.close(0.2)
        assert not listener.connections

    uvloop.run(run())
    return said


async def answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> tuple[str, Any]:
    """Read one answer: its status line and headers, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if head_only or "content-length" not in head:
        return head, b""
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    return head, json.loads(body) if body.startswith(b"{") else body


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_requests_that_come_together_are_answered_in_turn() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        asked = post("/slow?a=b", b"1") + post("/now", b"2") + post("/a%20b", b"3")
        writer.write(asked + post("/now", b"4")[:-1])
        await app.began.wait()
        app.go_on.set()
        assert (await answer(reader))[1]["query"] == "a=b"
        assert (await answer(reader))[1] == b"2"
        assert (await answer(reader))[1]["path"] == "/a b"
        writer.write(b"4")
        assert (await answer(reader))[1] == b"4"

    served(test)


def test_a_head_that_repeats_itself_is_told_from_one_that_almost_does() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        for path, body in (("/now", b"ab"), ("/now", b"cd"), ("/noW", b"ef"), ("/now", b"gh")):
            writer.write(post(path, body))
            got = (await answer(reader))[1]
            assert got == body if path == "/now" else got["body"] == body.decode()
        # The same bytes as the body of another request are no request.
        inner = post("/now", b"gh")
        writer.write(post("/other", inner)[: -len(inner)])
        await asyncio.sleep(0.02)
        writer.write(inner)
        assert (await answer(reader))[1]["body"] == inner.decode()
        # And the same head with its end in another packet is the same request.
        writer.write(inner[:5])
        await asyncio.sleep(0.02)
        writer.write(inner[5:])
        assert (await answer(reader))[1] == b"gh"
        writer.write(inner + inner[:-1])
        await asyncio.sleep(0.02)
        writer.write(b"i")
        assert [(await answer(reader))[1] for _ in range(2)] == [b"gh", b"gi"]

    served(test)


@pytest.mark.parametrize("size", [10, 300_000, 3_000_000])
@pytest.mark.parametrize("form", ["length", "chunks", "expect", "upgrade"])
def test_a_body_of_any_size_and_form(size: int, form: str) -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        for path in ("/whole", "/pieces", "/whole"):
            body = b"x" * size
            more = {
                "expect": ["expect: 100-continue"],
                "upgrade": ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c"],
            }.get(form, [])
            if form == "chunks":
                chunk = b"%x\r\n%b\r\n" % (len(body) // 2, body[: len(body) // 2])
                head = f"POST {path} HTTP/1.1\r\nhost: it\r\ntransfer-encoding: chunked\r\n\r\n"
                writer.write(head.encode() + chunk * 2 + b"0\r\n\r\n")
            elif form == "expect":
                writer.write(post(path, body, *more)[: -len(body)])
                assert (await answer(reader))[0].startswith("HTTP/1.1 100 Continue")
                writer.write(body)
            else:
                writer.write(post(path, body, *more))
            got = (await answer(reader))[1]
            if path == "/pieces":
                assert got == f"{size} True".encode()
            else:
                assert got["body"] == "x" * 10 if size == 10 else got["length"] == size

    served(test)


def test_an_answer_before_the_body_has_come_is_read_by_a_client_that_still_sends() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(post("/refuse", b"x" * 10_000_000)[:5_000_000])
        await asyncio.sleep(0.1)
        writer.write(b"x" * 1_000_000)
        head, body = await answer(reader)
        assert head.startswith("HTTP/1.1 413 ")
        assert "connection: close" in head
        assert body == b"no"
        assert await reader.read() == b""

    served(test)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"),
        (
            b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            400,
            "",
        ),
        (b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: x\r\n\r\n", 400, "malformed_request"),
        (
            b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 3\r\n"
            b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "",
        ),
        (b"POST / HTTP/1.1\r\nhost: it\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, ""),
        (
            b"GET / HTTP/1.1\r\nhost: it\r\n" + b"a: b\r\n" * (MOST_HEADERS + 2),
            431,
            "too_many_headers",
        ),
        (
            b"GET / HTTP/1.1\r\nhost: it\r\na: " + b"b" * (MOST_HEAD + 1) + b"\r\n\r\n",
            431,
            "head_too_large",
        ),
        (b"GET /" + b"b" * 6 * MOST_HEAD, 431, "head_too_large"),
        (b"GET http://[/ HTTP/1.1\r\nhost: it\r\n\r\n", 400, "malformed_request"),
    ],
)
def test_what_is_no_request_is_refused_after_those_before_it(
    sent: bytes, status: int, code: str
) -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(post("/now", b"before") + sent)
        assert (await answer(reader))[1] == b"before"
        head, body = await answer(reader)
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert body["error"]["code"] == (code or "malformed_request")
        assert await reader.read() == b""

    served(test)


@pytest.mark.parametrize(
    ("sent", "drip", "seconds"),
    [
        (b"GET / HTTP/1.1\r\nhost: it\r\n", b"a: b\r\n", HEAD_TIME),
        (b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 9\r\n\r\n", b"", STALL_TIME),
        (b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 9000000\r\n\r\n", b"", STALL_TIME),
    ],
)
def test_a_client_that_does_not_end_its_request_is_cut(
    sent: bytes, drip: bytes, seconds: int
) -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(sent)
        for _ in range(seconds):
            await asyncio.sleep(0.02)
            if drip and not writer.is_closing():
                writer.write(drip)
        head, _ = await answer(reader)
        assert head.startswith("HTTP/1.1 408 ")

    served(test, second=0.02)


@pytest.mark.parametrize("length", [200_000, 9_000_000])
def test_a_body_that_drips_is_cut(length: int) -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(f"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: {length}\r\n\r\n".encode())
        answered = asyncio.create_task(answer(reader))
        while not answered.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        head, _ = answered.result()
        assert head.startswith("HTTP/1.1 408 ")

    served(test, second=0.02)


def test_a_slow_body_that_keeps_a_rate_is_not_cut() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        pieces = 2 * STALL_TIME
        writer.write(
            f"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: {pieces * 16_384}\r\n\r\n".encode()
        )
        for _ in range(pieces):
            await asyncio.sleep(0.02)
            writer.write(b"x" * 16_384)
        head, _ = await answer(reader)
        assert head.startswith("HTTP/1.1 200 ")

    served(test, second=0.02)


def test_more_clients_than_there_is_room_for() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        busy = [await connect() for _ in range(3)]
        for _, writer in busy:
            writer.write(b"GET /slow HTTP/1.1\r\nhost: it\r\n\r\n")
        await app.began.wait()
        reader, _ = await connect()
        head, body = await answer(reader)
        assert head.startswith("HTTP/1.1 503 ")
        assert body["error"]["code"] == "too_many_connections"
        app.go_on.set()
        for reader, _ in busy:
            assert (await answer(reader))[0].startswith("HTTP/1.1 200 ")
        # Now they are idle, and one of them gives way.
        reader, writer = await connect()
        writer.write(b"GET /now HTTP/1.1\r\nhost: it\r\n\r\n")
        assert (await answer(reader))[0].startswith("HTTP/1.1 200 ")

    served(test, room=3)


def test_a_client_that_reads_nothing_is_cut_and_its_handler_ends() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        _, writer = await connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /flood HTTP/1.1\r\nhost: it\r\n\r\n")
        await asyncio.sleep(0.02 * STALL_TIME + 0.3)
        assert not app.gone.is_set()
        writer.close()

    served(test, second=0.02)


def test_a_handler_learns_that_its_client_has_gone() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        _, writer = await connect()
        writer.write(post("/wait", b""))
        await asyncio.sleep(0.02)
        writer.close()
        await app.gone.wait()

    served(test)


def test_a_stream_comes_in_chunks_and_to_an_old_client_until_the_end() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(b"GET /stream HTTP/1.1\r\nhost: it\r\n\r\n")
        head, _ = await answer(reader)
        assert "transfer-encoding: chunked" in head
        assert await reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        writer.write(b"HEAD /stream HTTP/1.1\r\nhost: it\r\n\r\n" + post("/now", b"next"))
        await answer(reader)
        assert (await answer(reader))[1] == b"next"
        reader, writer = await connect()
        writer.write(b"GET /stream HTTP/1.0\r\n\r\n")
        head, _ = await answer(reader)
        assert "chunked" not in head
        assert "connection: close" in head
        assert await reader.read() == b"onetwo"

    served(test)


def test_how_long_a_connection_is_kept() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        for sent, kept in (
            ("POST /now HTTP/1.1\r\nhost: it\r\ncontent-length: 0\r\n\r\n", True),
            (
                "POST /now HTTP/1.1\r\nhost: it\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                False,
            ),
            ("POST /now HTTP/1.0\r\ncontent-length: 0\r\n\r\n", False),
            ("POST /now HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", True),
        ):
            reader, writer = await connect()
            for _ in range(2 if kept else 1):
                writer.write(sent.encode())
                head, _ = await answer(reader)
                assert head.startswith("HTTP/1.1 200 OK\r\n"), sent
                assert ("connection: close" in head) is not kept
                assert "\r\ndate: " in head
            if not kept:
                assert await reader.read() == b""

    served(test)


def test_a_fault_of_a_handler_is_said_and_answered() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        for path in ("/fault", "/header", "/now"):
            writer.write(post(path, b"go on"))
            head, body = await answer(reader)
            if path == "/now":
                assert body == b"go on"
            else:
                assert head.startswith("HTTP/1.1 500 ")
                assert body["error"]["code"] == "internal"

    said = served(test)
    assert len(said) == 2
    assert "KeyError: 'a fault'" in said[0]
    assert "the end of a line" in said[1]


def test_head_has_the_length_and_not_the_body() -> None:
    async def test(app: Echo, connect: Callable[[], Awaitable[Client]]) -> None:
        reader, writer = await connect()
        writer.write(b"HEAD / HTTP/1.1\r\nhost: it\r\n\r\n" + post("/now", b"next"))
        head, _ = await answer(reader, head_only=True)
        assert "content-length: 0" not in head
        assert (await answer(reader))[1] == b"next"

    served(test)
