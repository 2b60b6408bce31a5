"""A web server on loopback that can cut, refuse and change what it serves."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.fakes import servers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


@dataclass
class Web:
    """What is served, and what was asked for.

    Args:
        address: `http://127.0.0.1:PORT`.
        files: The content by path.
        cuts: After how many bytes each of the next bodies ends.
        answers: Statuses for the next requests, with headers, in place of content.
        asked: The path and range of each request so far.
        sent: The bytes of bodies that were sent.
        users: Who is let in, `Authorization` headers; empty for everybody.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    users: set[str] = field(default_factory=set)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        web = self.web
        range_ = self.headers.get("Range", "")
        web.asked.append((self.path, range_))
        if web.users and self.headers.get("Authorization") not in web.users:
            self._answer(401, {})
        elif web.answers:
            self._answer(*web.answers.pop(0))
        elif self.path not in web.files:
            self._answer(404, {})
        else:
            self._content(web.files[self.path], range_)

    def _content(self, content: bytes, range_: str) -> None:
        first, _, last = range_.removeprefix("bytes=").partition("-")
        start, size = int(first or 0), len(content)
        if range_ and start >= size:
            self._answer(416, {})
            return
        body = content[start : int(last) + 1 if last else None]
        self.send_response(206 if range_ else 200)
        self.send_header("Content-Length", str(len(body)))
        if range_:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{size}")
        self.end_headers()
        cut = self.web.cuts.pop(0) if self.web.cuts else len(body)
        self.wfile.write(body[:cut])
        self.web.sent += min(cut, len(body))
        if cut < len(body):
            self.close_connection = True

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve until the block ends, by TLS with a context."""
    web = Web()
    handler = type("Handler", (_Handler,), {"web": web})
    with servers.serving(handler, context=context) as server:
        web.address = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        yield web
