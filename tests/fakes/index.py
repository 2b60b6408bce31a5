"""A small package index (PEP 503) on loopback that may want a user and a password."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Index(servers.Server):
    """Serves the wheels and source archives of a folder.

    Args:
        folder: Where the files are; they are read at each request.
        login: `user:password` that each request must bring; none when it is empty.
    """

    def __init__(self, folder: Path, login: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.login = login
        self.asked: list[str] = []

    def file(self, path: str) -> Path:
        """Return where the file that was asked for lies."""
        return self.folder / unquote(path.rpartition("/")[2])

    @property
    def host(self) -> str:
        """Its `host:port`."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, login: str = "") -> str:
        """Return its address, with `login` in it when there is one."""
        return f"http://{login}{'@' if login else ''}{self.host}/simple"

    def page(self, project: str) -> str:
        """Return the page of a project, empty when there is no file of it."""
        files = [path for path in sorted(self.folder.iterdir()) if project_of(path) == project]
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        return "".join(
            f'<a href="/files/{quote(path.name)}#sha256={digest}">{path.name}</a>\n'
            for path, digest in zip(files, hashes, strict=True)
        )


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        wanted = f"Basic {base64.b64encode(self.server.login.encode()).decode()}"
        if self.server.login and self.headers.get("Authorization") != wanted:
            self._answer(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="packages"'})
        elif path.startswith("/files/"):
            file = self.server.file(path)
            there = file.is_file()
            self._answer(200 if there else 404, file.read_bytes() if there else b"")
        else:
            page = self.server.page(path.strip("/").rpartition("/")[2])
            head = {"Content-Type": "text/html"}
            self._answer(200 if page else 404, f"<html><body>{page}</body></html>".encode(), head)

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, head: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (head or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def project_of(path: Path) -> str:
    """Return the normalised name of the project that a file is of."""
    name = path.name.split("-")[0]
    return re.sub(r"[-_.]+", "-", name).lower()


@contextlib.contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Run `index` for a block."""
    with index, servers.running(index):
        yield index
