"""HTTP/1.1 over connections that are kept: TLS, proxies, and bodies of any size.

On the standard library's http.client: a body passes in pieces of our size straight to the socket
(docs/decisions.md has the figures).
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import field

from algo.registry.errors import ProxyUnusable
from algo.values import Record, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import FileIO

    from algo.registry.certificates import Certificates
    from algo.registry.proxies import Proxies, Proxy

AGENT = "algo"
CONNECT_SECONDS = 10.0
PIECE = 1 << 20
KEPT_IDLE = 8
_PORTS = {"http": 80, "https": 443}
_REFUSING = {"403", "407"}


class Broken(Exception):
    """A connection could not be made, or broke.

    Args:
        words: What the system said.
        carried: The bytes of bodies that went into the connection, where one was there.
    """

    def __init__(self, words: str, carried: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.carried = carried


class BadAddress(Exception):
    """A server named an address that is none."""


class Extent(Value, frozen=True):
    """A part of a file, which the system can send without our touching it."""

    file: FileIO
    start: int
    size: int

    def __len__(self) -> int:
        return self.size

    def read(self) -> Iterator[bytes]:
        """Yield its bytes; fewer where the file ends."""
        done = 0
        descriptor = self.file.fileno()
        while done < self.size:
            piece = os.pread(descriptor, min(PIECE, self.size - done), self.start + done)
            if not piece:
                return
            done += len(piece)
            yield piece


Piece = bytes | memoryview | Extent


class Stream(Value, frozen=True):
    """A body of `size` bytes that can be sent once."""

    size: int
    pieces: Iterator[Piece]


class Address(Value, frozen=True):
    """The parts of an `http` or `https` address."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse an absolute address.

        Raises:
            BadAddress: It is none.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadAddress(f"{url[:200]!r}: {error}") from error
        printable = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme not in _PORTS or not host or not printable or parts.username is not None:
            raise BadAddress(f"{url[:200]!r}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], target)

    @property
    def netloc(self) -> str:
        """`host[:port]`, as it stands in addresses."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


class Response(Record):
    """An answer whose body is still to be read; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    challenges: list[str]
    _message: http.client.HTTPResponse
    _link: _Link

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises:
            Broken: It ends too early.
        """
        message = self._message
        whole = message.length
        got = 0
        try:
            while piece := message.read1(PIECE):
                got += len(piece)
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise Broken(_words(error), self._link.carried) from error
        if whole is not None and got < whole:
            raise Broken(f"the answer ended after {got} of {whole} bytes", self._link.carried)

    def is_over(self) -> bool:
        """Say whether nothing is left of it, so that its connection can be used again."""
        message = self._message
        whole = message.isclosed() or (message.length == 0 and not message.chunked)
        return whole and not message.will_close

    def drop(self) -> None:
        """Let go of what is left of it."""
        self._message.close()


class _Link(Record, eq=False):
    """A connection, and how many bytes of bodies it has carried."""

    connection: http.client.HTTPConnection
    carried: int = 0
    used: bool = False

    def is_quiet(self) -> bool:
        """Say whether the other side has neither closed it nor sent what nobody asked for."""
        sock = self.connection.sock
        if sock is None:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poll.poll(0)


class _Request(Value, frozen=True):
    """A request, and the proxy that it goes through."""

    method: str
    address: Address
    headers: Mapping[str, str]
    body: bytes | Stream
    seconds: float
    proxy: Proxy | None

    @property
    def key(self) -> tuple[str, str, int]:
        """What its connection can be used for."""
        return (self.address.scheme, self.address.host, self.address.port)

    @property
    def size(self) -> int:
        """The bytes of its body."""
        return self.body.size if isinstance(self.body, Stream) else len(self.body)

    @property
    def target(self) -> str:
        """What it asks for; a proxy wants the whole address, unless it only hands TLS through."""
        address = self.address
        whole = self.proxy is not None and address.scheme == "http"
        return f"http://{address.netloc}{address.target}" if whole else address.target

    def all_headers(self) -> dict[str, str]:
        """Return its headers with those that every request has."""
        known = {"Host": self.address.netloc, "User-Agent": AGENT, "Accept-Encoding": "identity"}
        if self.proxy and self.proxy.authorization and self.address.scheme == "http":
            known["Proxy-Authorization"] = self.proxy.authorization
        if self.size or self.method in {"POST", "PUT", "PATCH"}:
            known["Content-Length"] = str(self.size)
        return {**known, **self.headers}


class Wire(Record):
    """Sends requests on behalf of one registry; safe for threads.

    Args:
        registry: Its `host[:port]`.
        certificates: The TLS settings by host.
        proxies: The ways by host; a server on this machine's loopback is not asked for here.
        bearable: The bytes of bodies that one connection may carry; 0 is any number.
    """

    registry: str
    certificates: Certificates
    proxies: Proxies
    bearable: int = 0
    _idle: dict[tuple[str, str, int], list[_Link]] = field(default_factory=dict)
    _busy: list[_Link] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def exchange(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        body: bytes | Stream = b"",
        *,
        seconds: float,
        direct: bool = False,
    ) -> Iterator[Response]:
        """Send one request and hand out its answer unread.

        Args:
            method: The method.
            address: Where to.
            headers: More headers than `Host`, `User-Agent` and `Content-Length`.
            body: The body.
            seconds: How long the other side may say nothing.
            direct: Use no proxy.

        Raises:
            Broken: The connection could not be made, or broke.
            CancelledError: All was stopped.
            ProxyUnusable: The proxy refuses us.
        """
        proxy = None if direct else self.proxies.way(address.scheme, address.host, address.port)
        request = _Request(method, address, headers, body, seconds, proxy)
        link, response = self._asked(request)
        whole = False
        try:
            yield response
            whole = response.is_over()
        finally:
            # An answer that says `Connection: close` holds the socket by itself.
            response.drop()
            if whole and link.connection.sock is not None and not self._is_worn(link, 0):
                self._keep(request.key, link)
            else:
                self._end(link)

    def stop(self) -> None:
        """Break what is under way in other threads, and send nothing any more."""
        with self._lock:
            self._stopped.set()
            for link in self._busy:
                if link.connection.sock is not None:
                    with suppress(OSError):
                        link.connection.sock.shutdown(socket.SHUT_RDWR)

    def rest(self, seconds: float) -> None:
        """Wait, at most until `stop`."""
        self._stopped.wait(seconds)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            links = [link for kept in self._idle.values() for link in kept]
            self._idle.clear()
        for link in links:
            link.connection.close()

    def _asked(self, request: _Request) -> tuple[_Link, Response]:
        while True:
            link = self._take(request) or self._connect(request)
            with self._lock:
                self._busy.append(link)
                stopped = self._stopped.is_set()
            try:
                if stopped:
                    raise CancelledError
                return link, self._send(link, request)
            except Broken:
                self._end(link)
                # A kept connection may end at the moment of its use; nothing of a body is lost.
                if not link.used or isinstance(request.body, Stream):
                    raise
            except BaseException:
                self._end(link)
                raise

    def _end(self, link: _Link) -> None:
        with self._lock:
            self._busy.remove(link)
        link.connection.close()

    def _send(self, link: _Link, request: _Request) -> Response:
        connection, body = link.connection, request.body
        with _breaking(link):
            connection.sock.settimeout(request.seconds)
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.all_headers().items():
                connection.putheader(name, value)
            connection.endheaders(None if isinstance(body, Stream) else body or None)
        if isinstance(body, Stream):
            self._stream(link, body)
        else:
            link.carried += len(body)
        with _breaking(link):
            message = connection.getresponse()
        return Response(
            message.status,
            _joined(message.headers.items()),
            message.headers.get_all("www-authenticate") or [],
            message,
            link,
        )

    def _stream(self, link: _Link, body: Stream) -> None:
        """Send a body piece by piece; what its source raises is not the connection's fault."""
        sock = link.connection.sock
        for piece in body.pieces:
            with _breaking(link):
                try:
                    _send_piece(sock, piece)
                except (BrokenPipeError, ConnectionResetError):
                    # A server that refuses the request says so before it has read all of it.
                    if _has_answer(sock):
                        return
                    raise
            link.carried += len(piece)

    def _connect(self, request: _Request) -> _Link:
        address, proxy = request.address, request.proxy
        host, port = (proxy.host, proxy.port) if proxy else (address.host, address.port)
        connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        try:
            if proxy and address.scheme == "https":
                given = {"Host": f"{address.host}:{address.port}"}
                if proxy.authorization:
                    given["Proxy-Authorization"] = proxy.authorization
                connection.set_tunnel(address.host, address.port, given)
            connection.connect()
            if address.scheme == "https":
                context = self.certificates.context(address.netloc, self.registry)
                connection.sock = context.wrap_socket(connection.sock, server_hostname=address.host)
        except OSError as error:
            connection.close()
            words = _words(error)
            if proxy and any(f"failed: {code}" in words for code in _REFUSING):
                raise ProxyUnusable(f"the proxy {proxy} refuses us: {words}") from error
            raise Broken(f"{words}, by the proxy {proxy}" if proxy else words) from error
        except BaseException:
            connection.close()
            raise
        return _Link(connection)

    def _take(self, request: _Request) -> _Link | None:
        while True:
            with self._lock:
                kept = self._idle.get(request.key)
                link = kept.pop() if kept else None
            if link is None:
                return None
            if link.is_quiet() and not self._is_worn(link, request.size):
                return link
            link.connection.close()

    def _is_worn(self, link: _Link, size: int) -> bool:
        """Say whether a connection would carry more than connections here bear."""
        return 0 < self.bearable < link.carried + size and link.carried > 0

    def _keep(self, key: tuple[str, str, int], link: _Link) -> None:
        link.used = True
        with self._lock:
            self._busy.remove(link)
            kept = self._idle.setdefault(key, [])
            if len(kept) < KEPT_IDLE:
                kept.append(link)
                return
        link.connection.close()


def _send_piece(sock: socket.socket, piece: Piece) -> None:
    if not isinstance(piece, Extent):
        sock.sendall(piece)
        return
    sent = 0
    if isinstance(sock, ssl.SSLSocket):
        for part in piece.read():
            sock.sendall(part)
            sent += len(part)
    else:
        sent = sock.sendfile(piece.file, piece.start, piece.size)
    if sent < piece.size:
        raise http.client.HTTPException(f"the file ended at {piece.start + sent}")


def _has_answer(sock: socket.socket) -> bool:
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(1000))
    return False


@contextmanager
def _breaking(link: _Link) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Broken(_words(error), link.carried) from error


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
