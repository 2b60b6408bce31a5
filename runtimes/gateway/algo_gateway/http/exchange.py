"""One request and its answer, as a handler sees them: RSGI 1.5's scope and protocol."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable

    from algo_gateway.http.connection import Connection
    from algo_gateway.http.scope import Scope

# A body whose reader is slow holds at most this many bytes, then the client waits.
HIGH = 1 << 18
# Bodies from here on are received in the place where they stay.
LARGE = 1 << 20
REASONS = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Bodies from here on count for the most that is held at a time.
COUNTED = 1 << 16
# A head and a body below this are one piece; copying more costs more than a second piece.
_ONE_PIECE = 1 << 16


class Exchange:
    """A request's body, and the way for one answer."""

    __slots__ = (
        "_connection",
        "_gone",
        "_pieces",
        "_received",
        "_wake",
        "_whole",
        "answered",
        "body",
        "broken",
        "complete",
        "held",
        "scope",
        "stream",
    )

    def __init__(self, connection: Connection, scope: Scope, body: bytes | None = None) -> None:
        self._connection = connection
        self.scope = scope
        # The body when it came together with the head, as small ones do.
        self.body: bytes | None = body
        self.complete = body is not None
        self.answered = False
        # What comes of the body is none, or nothing comes any more.
        self.broken = False
        self.stream: ResponseStream | None = None
        # Bytes of the body that count as held.
        self.held = 0
        self._pieces: deque[bytes] | None = None
        self._received = 0
        self._whole = False
        self._wake: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it is on."""
        return self._connection.loop

    async def __call__(self) -> bytes:
        """Return the whole body; a large one once, and as a `bytearray`, which does the same.

        Raises:
            ConnectionError: The client left before it had sent it.
            Failure: 429, too much is held already.
        """
        if self.body is not None:
            return self.body
        length = self.scope.length
        if length is not None and length >= COUNTED:
            self._connection.hold(self, length)
        self._continue()
        self._whole = True
        self._connection.resume()
        if not self.complete and length is not None and length >= LARGE:
            self._connection.receive(self, length, self._pieces or ())
            self._pieces = None
        while not self.complete:
            await self._more()
        if self.body is None:
            self.gather()
        assert self.body is not None
        body = self.body
        if len(body) >= LARGE:
            self.body = b""  # whoever has it now decides how long it is kept
        return body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece.

        Raises:
            ConnectionError: The client left before it had sent it.
            Failure: 429, too much is held already.
        """
        if self.body is not None:
            yield bytes(self.body)
            return
        self._continue()
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._received -= len(piece)
                self._connection.hold(self, len(piece))
                yield piece
            if self.complete:
                return
            self._connection.resume()
            await self._more()

    async def client_disconnect(self) -> None:
        """Return when the client has gone."""
        if self._connection.closed:
            return
        if self._gone is None:
            self._gone = self._connection.loop.create_future()
        await asyncio.shield(self._gone)

    def response_bytes(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Answer with a body."""
        if self._begin_answer():
            head = self._head(status, headers, len(body))
            self._send(head, b"" if self.scope.method == "HEAD" else body)

    def response_str(self, status: int, headers: Iterable[tuple[str, str]], body: str) -> None:
        """Answer with text in UTF-8."""
        self.response_bytes(status, headers, body.encode())

    def response_empty(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Answer without a body."""
        self.response_bytes(status, headers, b"")

    def response_head(self, status: int, headers: Iterable[tuple[str, str]], length: int) -> None:
        """Answer a HEAD with the length of the body that a GET would have."""
        if self._begin_answer():
            self._send(self._head(status, headers, length), b"")

    def response_stream(self, status: int, headers: Iterable[tuple[str, str]]) -> ResponseStream:
        """Begin an answer that comes in pieces; it ends when the handler does."""
        if not self._begin_answer():
            raise ConnectionResetError("the request has an answer already")
        chunked = self.scope.http_version == "1.1"
        self.stream = ResponseStream(self._connection, self.scope, chunked=chunked)
        keep = self._keeps() and chunked
        self._connection.write(self._head(status, headers, None, keep=keep))
        return self.stream

    def answer(self, content_type: str, name: str, body: bytes) -> None:
        """Answer 200 with the result of the request `name`: a `response_bytes` in haste."""
        scope = self.scope
        if not (scope.keeps and self.complete) or "\n" in name or "\r" in name:
            headers = [("content-type", content_type), ("x-request-id", name)]
            self.response_bytes(200, headers, body)
        elif self._begin_answer():
            head = self._connection.ok_head(content_type) % (name.encode(), len(body))
            self._send(head, body)

    def goes_on(self, work: Coroutine[None, None, None]) -> None:
        """Let `work` end the answer."""
        self._connection.goes_on(self, work)

    def last(self) -> None:
        """Let this be the last request of its connection: the answer says so."""
        self._connection.leaving = True

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body."""
        if self.answered:
            return  # nobody reads it any more
        if self._pieces is None:
            self._pieces = deque()
        self._pieces.append(piece)
        self._received += len(piece)
        if self._wake is not None and not self._whole:
            self._wakes()
        if self._received > HIGH and not self._whole:
            self._connection.pause()

    def completed(self) -> None:
        """Take the end of the body."""
        self.complete = True
        self._wakes()

    def gather(self) -> None:
        """Make one piece of a body that came whole before anybody read it."""
        pieces, self._pieces = self._pieces, None
        self.body = b"" if not pieces else pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def lost(self) -> None:
        """The client has gone."""
        self._connection.let_go(self)
        self._wakes()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self.stream is not None:
            self.stream.wakes()

    async def _more(self) -> None:
        if not (self.broken or self._connection.closed):
            self._wake = self._connection.loop.create_future()
            await self._wake
            self._wake = None
        if not self.complete and (self.broken or self._connection.closed):
            raise ConnectionResetError("the client left before it had sent the body")

    def _wakes(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _continue(self) -> None:
        expects = self.scope.headers.get("expect", "").lower() == "100-continue"
        if expects and not self.complete and not self._received and not self._whole:
            self._connection.write(_CONTINUE)

    def _begin_answer(self) -> bool:
        if self.answered:
            return False
        self.answered = True
        return not self._connection.closed

    def _keeps(self) -> bool:
        return self.complete and self.scope.keep_alive and not self._connection.leaving

    def _send(self, head: bytes, body: bytes) -> None:
        connection = self._connection
        if len(body) < _ONE_PIECE:
            connection.write(head + body)
        else:
            connection.write(head)
            connection.write(body)
        connection.finished(self, keep=self._keeps())

    def _head(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        length: int | None,
        *,
        keep: bool | None = None,
    ) -> bytes:
        text = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n"
        for name, value in headers:
            # What user code names must not add a header of its own.
            if "\n" in value or "\r" in value:
                raise ValueError(f"the header {name} holds the end of a line")
            text += f"{name}: {value}\r\n"
        if length is not None and status not in {204, 304}:
            text += f"content-length: {length}\r\n"
        elif length is None and self.scope.http_version == "1.1":
            text += "transfer-encoding: chunked\r\n"
        keep = self._keeps() if keep is None else keep
        if not keep:
            text += "connection: close\r\n"
        elif self.scope.http_version != "1.1":
            text += "connection: keep-alive\r\n"
        return text.encode("latin-1", "replace") + self._connection.date


class ResponseStream:
    """An answer in pieces; a client that reads slowly makes `send_bytes` wait."""

    __slots__ = ("_chunked", "_connection", "_empty", "_wake", "_whole")

    def __init__(self, connection: Connection, scope: Scope, *, chunked: bool) -> None:
        self._connection = connection
        self._chunked = chunked
        self._empty = scope.method == "HEAD"
        self._wake: asyncio.Future[None] | None = None
        self._whole = True

    async def send_bytes(self, data: bytes) -> None:
        """Send a piece.

        Raises:
            ConnectionError: The client has gone.
        """
        connection = self._connection
        if connection.closed:
            raise ConnectionResetError("the client left before it had the whole answer")
        if data and not self._empty:
            connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        if connection.full:
            self._wake = connection.loop.create_future()
            await self._wake
            self._wake = None

    async def send_str(self, data: str) -> None:
        """Send a piece of text in UTF-8.

        Raises:
            ConnectionError: The client has gone.
        """
        await self.send_bytes(data.encode())

    def cut(self) -> None:
        """End too early, so that the client does not take what it has for the whole."""
        self._whole = False

    def wakes(self) -> None:
        """There is room again, or nobody who reads."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def end(self) -> None:
        """Send the end, or close the connection without one."""
        if not self._whole:
            self._connection.leaving = True
            return
        if self._chunked and not self._empty and not self._connection.closed:
            self._connection.write(b"0\r\n\r\n")
