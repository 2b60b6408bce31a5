"""One client's connection: HTTP/1.1 by llhttp, requests in turn, limits on what a client may do."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from algo_gateway.http.body import Body
from algo_gateway.http.exchange import REASONS, Exchange
from algo_gateway.http.limits import (
    HEAD_TIME,
    IDLE_TIME,
    LEAST_RATE,
    LINGER,
    MOST_BEHIND,
    MOST_HEAD,
    MOST_HEADERS,
    MOST_HEADS,
    STALL_TIME,
    TOO_LARGE,
    TOO_MANY,
    Refused,
)
from algo_gateway.http.scope import NAMES, name_of, scope_of, unframed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from algo_gateway.http.listener import Listener
    from algo_gateway.http.scope import Scope


class Connection(asyncio.Protocol):
    """Reads requests and has each answered before the next one begins."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._handle = listener.app
        self.loop = listener.loop
        self.closed = False
        self.full = False
        self.leaving = False
        self.exchange: Exchange | None = None
        self._transport: asyncio.Transport
        self._ends = ("", "", "")
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._pairs: list[tuple[str, str]] = []
        self._coming: Exchange | None = None
        # Of a head that has not ended, at least; and at most, with what is being parsed.
        self._head_bytes = self._fed = 0
        # Between two requests, and how many of them have ended.
        self._between = True
        self._ended = 0
        self._refused: Refused | None = None
        # Requests that came before the one in hand was answered, and what came after them.
        self._behind: deque[Exchange] = deque()
        self._later = bytearray()
        # The last head, its scope, and how long such a request is: see `data_received`.
        self._same = b""
        self._same_scope: Scope
        self._same_length = 0
        self._fresh = True
        self._ticks = 0
        self._head_ticks = 0
        self._body_ticks = self._body_bytes = 0
        self._unsent = 0
        self._paused = False
        self._lingering = False
        self._starting = False

    @property
    def date(self) -> bytes:
        """The `date` header and the end of a head."""
        return self._listener.date

    def ok_head(self, content_type: str) -> bytes:
        """Return the head of an answer 200 that lacks the request's id and the body's length.

        It is for `%` with `bytes` and `int`.
        """
        heads = self._listener.heads
        head = heads.get(content_type)
        if head is None:
            if "\n" in content_type or "\r" in content_type:
                raise ValueError("the header content-type holds the end of a line")
            kind = content_type.encode("latin-1", "replace").replace(b"%", b"%%")
            head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind
            head += b"\r\nx-request-id: %b\r\ncontent-length: %d\r\n"
            head += self._listener.date
            if len(heads) < MOST_HEADS:
                heads[content_type] = head
        return head

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        host, port = (*(transport.get_extra_info("peername") or ("", 0)),)[:2]
        self._ends = (f"{host}:{port}", str(host), self._listener.address)
        if self._listener.full():
            self._refuse(TOO_MANY)
        self._listener.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._fresh = True
        # Clients repeat themselves: a head that is the last one, byte for byte, with a body
        # of its length behind it, means what it meant.
        if (
            len(data) == self._same_length
            and self._between
            and data.startswith(self._same)
            and self.exchange is None
        ):
            exchange = Exchange(self, self._same_scope, data[len(self._same) :])
            self._start(exchange)
            return
        if self._lingering or self._refused is not None:
            return
        if self.exchange is None or self._coming is not None:
            self._feed(data)
            return
        self._later += data
        if len(self._later) > MOST_BEHIND:
            self.pause()

    def eof_received(self) -> None:
        """The client sends nothing more: it has gone."""

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self.closed = True
        self._listener.connections.discard(self)
        for exchange in (self.exchange, self._coming):
            if exchange is not None:
                exchange.lost()
        self._behind.clear()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self.full = True

    def resume_writing(self) -> None:
        """The client has read."""
        self.full = False
        if self.exchange is not None and self.exchange.stream is not None:
            self.exchange.stream.wakes()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        """A request's first byte is there."""
        self._between = False

    def on_url(self, url: bytes) -> None:
        """Take the target, or a piece of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if len(self._pairs) >= MOST_HEADERS:
            self._refused = Refused(431, "too_many_headers", f"over {MOST_HEADERS} headers")
            raise self._refused
        known = NAMES.get(name) or name_of(name)
        self._pairs.append((known, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Begin a request."""
        if self._fed > MOST_HEAD and self._head_size() > MOST_HEAD:
            self._refused = TOO_LARGE
            raise self._refused
        scope = scope_of(self._parser, self._url, self._pairs, self._ends)
        self._url, self._pairs = b"", []
        self._refused = unframed(scope)
        if self._refused is not None:
            raise self._refused
        self._coming = Exchange(self, scope)
        self._body_ticks = self._body_bytes = 0
        self._behind.append(self._coming)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_bytes += len(body)
        if self._coming is not None:
            self._coming.feed(body)

    def on_message_complete(self) -> None:
        """End a request."""
        coming, self._coming = self._coming, None
        self._pairs = []
        self._between = True
        self._ended += 1
        if coming is not None:
            coming.completed()

    # What an exchange calls.

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.closed:
            self._transport.write(data)

    def pause(self) -> None:
        """Read nothing more for now."""
        if not self._paused and not self.closed:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused and not self.closed:
            self._paused = False
            self._transport.resume_reading()

    def hold(self, exchange: Exchange, size: int) -> None:
        """Count `size` bytes of a body as held until its request is answered.

        Raises:
            Failure: 429, too much is held already.
        """
        self._listener.hold(size)
        exchange.held += size

    def let_go(self, exchange: Exchange) -> None:
        """Count the body of a request as held no more."""
        self._listener.held -= exchange.held
        exchange.held = 0

    def receive(self, exchange: Exchange, length: int, pieces: Iterable[bytes]) -> None:
        """Receive a body that is large in the place where it stays."""
        self._switch(Body(self, exchange, length, pieces))

    def moved(self) -> None:
        """A piece of a large body came."""
        self._fresh = True

    def received(self, exchange: Exchange, body: bytearray) -> None:
        """A large body has been received; the next byte begins another request."""
        self._switch(self)
        self._parser = httptools.HttpRequestParser(self)
        self._coming = None
        self._between = True
        exchange.body = cast("bytes", body)
        exchange.completed()

    def finished(self, exchange: Exchange, *, keep: bool) -> None:
        """The answer has been written: begin the next request, or end."""
        if exchange.held:
            self.let_go(exchange)
        if exchange is not self.exchange:
            return
        if not keep:
            self.exchange = None
            self._end(linger=not exchange.complete)
            return
        self.exchange = None
        waits = self._behind or self._later or self._paused or self._refused is not None
        if not self._starting and waits:
            self._next()

    def goes_on(self, exchange: Exchange, work: Coroutine[None, None, None]) -> None:
        """Let `work` end the answer of an exchange."""
        self._listener.run(self._work(exchange, work))

    def leave(self) -> None:
        """End after the answer in hand; at once without one."""
        self.leaving = True
        if self.exchange is None and not self.closed:
            self._transport.close()

    def abort(self) -> None:
        """End now."""
        if not self.closed:
            self._transport.abort()

    def tick(self) -> int:
        """A second has passed: end what stands still; return the bytes that nobody reads."""
        fresh, self._fresh = self._fresh, False
        self._ticks = 0 if fresh else self._ticks + 1
        unsent = self._transport.get_write_buffer_size()
        if unsent:
            if unsent != self._unsent:
                self._unsent, self._ticks = unsent, 0
            elif self._ticks >= STALL_TIME:
                self.abort()
        elif self._head_bytes:
            self._head_ticks += 1
            if self._head_ticks >= HEAD_TIME:
                self._refuse(Refused(408, "head_timeout", "the request's head did not end"))
        elif self._coming is not None and not self._paused:
            self._body_ticks += 1
            if self._ticks >= STALL_TIME or self._drips():
                self._refuse(Refused(408, "body_timeout", "the request's body did not end"))
        elif self.exchange is None and self._ticks >= IDLE_TIME:
            self._transport.close()
        return unsent if self._ticks else 0

    @property
    def idle(self) -> bool:
        """Whether it is between two requests, or before its first."""
        return self._between and self.exchange is None and not self._behind

    # Our own.

    def _drips(self) -> bool:
        """Tell whether a body comes so slowly that it only holds a place."""
        ticks = self._body_ticks - STALL_TIME
        if ticks <= 0:
            return False
        protocol = self._transport.get_protocol()
        taken = protocol.taken if isinstance(protocol, Body) else self._body_bytes
        return taken < ticks * LEAST_RATE

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) for name, value in self._pairs)

    def _feed(self, data: bytes) -> None:
        first, ended = self._between, self._ended
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._not_upgraded(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            said = f"the request is no HTTP/1.1: {error}"
            self._refuse(self._refused or Refused(400, "malformed_request", said))
            return
        if self._between or self._coming is not None:
            self._head_bytes = self._head_ticks = self._fed = 0
        elif ended == self._ended:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self._refuse(TOO_LARGE)
                return
        else:
            self._head_bytes = 1
        if first and self._between and self._ended == ended + 1 and self._behind:
            self._remember(data, self._behind[0])
        if self.exchange is None and not self._starting:
            self._next()

    def _remember(self, data: bytes, exchange: Exchange) -> None:
        exchange.gather()
        scope, body = exchange.scope, exchange.body
        assert body is not None
        head = data[: len(data) - len(body)]
        plain = scope.length is not None and "expect" not in scope.headers
        if plain and scope.keep_alive and head.endswith(b"\r\n\r\n") and len(head) < MOST_HEAD:
            self._same, self._same_scope, self._same_length = head, scope, len(data)

    def _not_upgraded(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 after an `Upgrade` that we do not take.

        llhttp leaves the body to the other protocol, so its length says where it ends.
        """
        coming = self._behind[-1]
        length = coming.scope.length
        self._parser = httptools.HttpRequestParser(self)
        if length is None or coming.scope.method == "CONNECT":
            self._refuse(Refused(400, "malformed_request", "an upgrade needs a content-length"))
            return
        if length:
            coming.complete = False
            self._parser.feed_data(
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length
            )
            self._behind.pop()
            self._coming = coming
        if rest:
            self._feed(rest)
        elif self.exchange is None and not self._starting:
            self._next()

    def _next(self) -> None:
        """Begin the requests that wait, as far as they are answered at once."""
        self._starting = True
        try:
            while self.exchange is None and not self.closed and not self._lingering:
                if self._behind:
                    exchange = self._behind.popleft()
                    if exchange.complete and exchange.body is None:
                        exchange.gather()
                    self._start(exchange)
                elif self._refused is not None:
                    self._tell(self._refused)
                elif self._later:
                    data, self._later = bytes(self._later), bytearray()
                    self._feed(data)
                else:
                    self.resume()
                    return
        finally:
            self._starting = False

    def _start(self, exchange: Exchange) -> None:
        self.exchange = exchange
        try:
            work = self._handle(exchange.scope, exchange)
        except Exception as error:
            self._failed(exchange, error)
            return
        if work is not None:
            self.goes_on(exchange, work)

    async def _work(self, exchange: Exchange, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except ConnectionError:
            self.abort()
            return
        except Exception as error:
            self._failed(exchange, error)
            return
        if exchange.stream is not None:
            exchange.stream.end()
            keep = exchange.complete and exchange.scope.keep_alive and not self.leaving
            self.finished(exchange, keep=keep and exchange.scope.http_version == "1.1")
        elif not exchange.answered and not self.closed:
            self._failed(exchange, RuntimeError("the request got no answer"))

    def _failed(self, exchange: Exchange, error: Exception) -> None:
        self._listener.failed(error)
        if exchange.stream is not None or self.closed:
            self.abort()  # an answer that ends early must not look whole
            return
        status, headers, body = self._listener.fault
        exchange.answered = False
        exchange.response_bytes(status, headers, body)

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, after those before it, and end."""
        self._refused = refused
        self._later.clear()
        coming, self._coming = self._coming, None
        if coming is not None and self._behind and self._behind[-1] is coming:
            self._behind.pop()
        elif coming is not None and coming is self.exchange:
            if coming.answered:
                self.abort()
                return
            coming.answered = coming.broken = True
            coming.lost()
            self.exchange = None
        if self.exchange is None and not self._starting:
            self._next()

    def _tell(self, refused: Refused) -> None:
        headers, body = self._listener.refusal(refused)
        head = f"HTTP/1.1 {refused.status} {REASONS[refused.status]}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        head += f"content-length: {len(body)}\r\nconnection: close\r\n"
        self.write(head.encode() + self._listener.date + body)
        self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close; where the client still sends, let it read the answer first."""
        if self.closed:
            return
        if not linger:
            self._transport.close()
            return
        self._lingering = True
        self._same_length = 0
        self.resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.loop.call_later(LINGER, self.abort)

    def _switch(self, protocol: asyncio.BaseProtocol) -> None:
        paused = self._paused
        if not paused:
            self._transport.pause_reading()
        self._transport.set_protocol(protocol)
        if not paused:
            self._transport.resume_reading()
