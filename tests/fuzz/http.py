"""Bytes of an HTTP/1.1 connection: however they are cut, the answers are the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from algo_gateway.http.connection import Connection
from algo_gateway.http.listener import Listener

from tests.fuzz.mutation import cut

if TYPE_CHECKING:
    from algo_gateway.http.exchange import Exchange
    from algo_gateway.http.scope import Scope

WORDS = (
    b"\r\n\r\n",
    b"\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"%00%ff",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)
_CALL = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\n"
SEEDS = (
    _CALL + b"Content-Length: 7\r\n\r\n[1,2,3]",
    (_CALL + b"Content-Length: 1\r\n\r\n5") * 4,
    _CALL + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: v\r\n\r\n",
    b"GET /healthz?a=b HTTP/1.1\r\nHost: it\r\n\r\n" * 3,
    b"GET /%C3%A9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: it\r\nX: " + b"y" * 300 + b"\r\n\r\n",
    _CALL + b"Content-Length: 1\r\n\r\n5 is no HTTP\r\n\r\n",
    _CALL + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n12",
)
# Of a body that is received elsewhere (LARGE); nothing here is as long.
LONG = 1 << 20


class Wire(asyncio.Transport):
    """The other end of a connection, which keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.paused = False
        self.protocol: asyncio.BaseProtocol | None = None
        self._closing = False

    def write(self, data: Any) -> None:
        assert not self._closing, "it writes to a connection that it has closed"
        self.written += bytes(data)

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = True

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default


def connection(data: bytes) -> None:
    """Each request is answered once, in its turn, whatever pieces its bytes come in."""
    asyncio.run(_both(data))


async def _both(data: bytes) -> None:
    whole, pieces = await _answers([data]), await _answers(cut(data, len(data)))
    assert whole == pieces, (whole, pieces)


async def _answers(pieces: list[bytes]) -> bytes:
    said: list[str] = []
    listener = Listener(_echo, said.append)
    listener.date = b"\r\n"
    wire = Wire()
    link = Connection(listener)
    wire.protocol = link
    link.connection_made(wire)
    for piece in pieces:
        await _give(wire, piece)
    await _settle(listener)
    if not link.closed:
        link.connection_lost(None)
    await _settle(listener)
    assert not said, said
    assert not listener._tasks, "an answer still waits for a client that has gone"
    return wire.written


async def _give(wire: Wire, piece: bytes) -> None:
    while piece and not wire.is_closing():
        for _ in range(50):
            if not wire.paused:
                break
            await asyncio.sleep(0)
        else:
            return  # it reads nothing more, as a client that waits would see
        if isinstance(wire.protocol, asyncio.BufferedProtocol):
            place = cast("memoryview", wire.protocol.get_buffer(-1))
            count = min(len(place), len(piece))
            place[:count] = piece[:count]
            piece = piece[count:]
            wire.protocol.buffer_updated(count)
        else:
            assert isinstance(wire.protocol, Connection)
            wire.protocol.data_received(piece)
            piece = b""
        await asyncio.sleep(0)


async def _settle(listener: Listener) -> None:
    for _ in range(100):
        await asyncio.sleep(0)
        if not listener._tasks:
            return


async def _echo(scope: Scope, proto: Exchange) -> None:
    body = await proto()
    said = f"{scope.method} {scope.path} {scope.query_string} {len(body)} ".encode()
    proto.response_bytes(200, [("content-type", "text/plain")], said + bytes(body))
