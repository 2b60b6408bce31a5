"""What lies between a client and a registry: a proxy, a wire that breaks, one that flips bits."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 256 << 10


@dataclass(slots=True)
class Wire:
    """A forwarder of connections, and what passed: bytes to the server, connections, cuts."""

    address: str = ""
    sent: int = 0
    connections: int = 0
    cuts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def breaking_wire(server: str, allowance: Callable[[], int]) -> Iterator[Wire]:
    """Forward connections to `server`; each breaks after `allowance()` bytes to it."""
    wire = Wire()
    host, _, port = server.rpartition(":")
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    wire.address = f"127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=_forward, args=(client, (host, int(port))))
            threads.append(thread)
            thread.start()

    def _forward(client: socket.socket, place: tuple[str, int]) -> None:
        buffer = bytearray(PIECE)
        with wire.lock:
            wire.connections += 1
            left = allowance()
        with client, socket.create_connection(place) as far:
            poll = select.poll()
            for one in (client, far):
                poll.register(one, select.POLLIN)
            while True:
                for ready, _ in poll.poll():
                    source, target = (client, far) if ready == client.fileno() else (far, client)
                    with suppress(OSError):
                        size = source.recv_into(buffer, min(PIECE, left) or 1)
                        if not size:
                            return
                        if source is client:
                            left -= size
                            with wire.lock:
                                wire.sent += size
                        target.sendall(memoryview(buffer)[:size])
                        if left > 0:
                            continue
                        with wire.lock:
                            wire.cuts += 1
                    return

    main = threading.Thread(target=accept)
    main.start()
    try:
        yield wire
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        main.join()
        for thread in threads:
            thread.join(timeout=10)


@dataclass(slots=True)
class Spoiler:
    """A proxy in front of a registry that changes bodies; `spoil` gets `METHOD path` and a body."""

    address: str = ""
    request: Callable[[str, bytes], bytes] = lambda line, body: body
    answer: Callable[[str, bytes], bytes] = lambda line, body: body
    seen: list[str] = field(default_factory=list)


def flipped(body: bytes, bit: int) -> bytes:
    """Return `body` with one bit changed; an empty one has none."""
    if not body:
        return body
    place = bit % (8 * len(body))
    changed = bytearray(body)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


def _asked(
    server: str, method: str, target: str, body: bytes, headers: dict[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(server, timeout=30)) as connection:
        connection.request(method, target, body, headers)
        got = connection.getresponse()
        return got, got.read()


class _Spoiling(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    spoiler: Spoiler
    far: str

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        line = f"{self.command} {self.path}"
        self.spoiler.seen.append(line)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        changed = self.spoiler.request(line, body)
        got, data = _asked(self.far, self.command, self.path, changed, headers)
        if data and got.status < 300:
            data = self.spoiler.answer(line, data)
        self.send_response(got.status)
        for name, value in got.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length", "date"}:
                self.send_header(name, value)
        size = got.headers.get("Content-Length", "0") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = handle_any


@contextmanager
def spoiling(server: str) -> Iterator[Spoiler]:
    """Run a proxy that may change what passes, in front of `server`."""
    spoiler = Spoiler()
    handler = type("Handler", (_Spoiling,), {"spoiler": spoiler, "far": server})
    with servers.serving(handler) as running:
        spoiler.address = f"127.0.0.1:{running.server_port}"
        yield spoiler


@dataclass(slots=True)
class Proxy:
    """A forward proxy: where names lead, who may use it, and what it was asked for."""

    address: str = ""
    names: dict[str, str] = field(default_factory=dict)
    authorization: str = ""
    seen: list[str] = field(default_factory=list)


class _Proxying(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _allowed(self) -> bool:
        self.proxy.seen.append(f"{self.command} {self.path.split('?')[0]}")
        wanted = self.proxy.authorization
        if wanted and self.headers.get("Proxy-Authorization") != wanted:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        return True

    def do_CONNECT(self) -> None:
        if not self._allowed():
            return
        host, _, port = self.proxy.names[self.path].rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            _pump(self.connection, far)
        self.close_connection = True

    def handle_any(self) -> None:
        if not self._allowed():
            return
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        drop = {"proxy-authorization", "connection"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in drop}
        target = url.path + (f"?{url.query}" if url.query else "")
        got, data = _asked(self.proxy.names[url.netloc], self.command, target, body, headers)
        self.send_response(got.status)
        for name, value in got.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length", "date"}:
                self.send_header(name, value)
        size = got.headers.get("Content-Length", "0") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = handle_any


def _pump(one: socket.socket, other: socket.socket) -> None:
    poll = select.poll()
    for end in (one, other):
        poll.register(end, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            source, target = (one, other) if ready == one.fileno() else (other, one)
            try:
                data = source.recv(PIECE)
                if not data:
                    return
                target.sendall(data)
            except OSError:
                return


@contextmanager
def forward_proxy(names: dict[str, str]) -> Iterator[Proxy]:
    """Run a proxy that knows where `host:port` of `names` really is."""
    proxy = Proxy(names=names)
    handler = type("Handler", (_Proxying,), {"proxy": proxy})
    with servers.serving(handler) as server:
        proxy.address = f"127.0.0.1:{server.server_port}"
        yield proxy
