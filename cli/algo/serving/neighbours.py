"""Other algorithms for code that calls them: each runs from its first call to the end."""

from __future__ import annotations

import http.client
import socketserver
import threading
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from algo.engines.interface import Surroundings
from algo.errors import AlgoError
from algo.project.algorithmia import component
from algo.serving.errors import NoSuchAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    # Runs the algorithm `owner/name` in a version, empty for any, and gives its URL.
    Run = Callable[[str, str], AbstractContextManager[str]]

_PATIENCE = 3000.0
_PREFIX = "/v1/algo/"


class Neighbours:
    """Algorithms that were called, by name and version.

    Args:
        run: Runs one.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._urls: dict[str, str] = {}

    def url(self, name: str, version: str) -> str:
        """Return where an algorithm answers; it is started at its first call.

        Raises:
            AlgoError: It is not there, or does not start.
        """
        key = f"{name}:{version}"
        with self._lock:
            one = self._locks.setdefault(key, threading.Lock())
        with one:
            if key not in self._urls:
                self._urls[key] = self._stack.enter_context(self._run(name, version))
            return self._urls[key]

    def close(self) -> None:
        """End all of them."""
        self._stack.close()


@contextmanager
def listening(folder: Path, neighbours: Neighbours) -> Iterator[None]:
    """Answer calls of `neighbours` at the socket in `folder` for the length of a block."""
    place = folder / Surroundings.SOCKET
    server = _Server(str(place), _Handler)
    server.neighbours = neighbours
    place.chmod(0o666)  # the container's user is another
    thread = threading.Thread(target=server.serve_forever, name="neighbours", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        neighbours.close()


@contextmanager
def told_as_nowhere(
    missing: type[AlgoError], name: str, folder: Path, beside: Mapping[str, str]
) -> Iterator[None]:
    """Tell of a version that is not published as what is nowhere.

    Args:
        missing: The error of a version that is not published.
        name: The algorithm that is called.
        folder: Where its project was looked for.
        beside: The folders of the projects there, by their names.

    Raises:
        NoSuchAlgorithm: In place of `missing` within the block.
    """
    try:
        yield
    except missing as error:
        near = get_close_matches(name, beside, n=1, cutoff=0.5)
        nearest = f" (the nearest is {near[0]} in {beside[near[0]]}/)" if near else ""
        raise NoSuchAlgorithm(
            f"no folder in {folder} holds a project called {name}{nearest}, "
            f"and none is published: {error.message}"
        ) from error


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    neighbours: Neighbours


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = urlsplit(self.path)
        try:
            below = target.path.removeprefix(_PREFIX)
            owner, name, *version = map(unquote, below.strip("/").split("/"))
            called = f"{component(owner)}/{component(name)}"
            url = self.server.neighbours.url(called, version[0] if version else "")
            status, kind, content = self._passed_on(url, called, target.query, body)
        except AlgoError as error:
            status, kind, content = _refused(error.code, f"{self.path}: {error.message}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            status, kind, content = _refused("unreachable", f"{self.path}: {error}")
        self.send_response_only(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _passed_on(self, url: str, name: str, query: str, body: bytes) -> tuple[int, str, bytes]:
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_PATIENCE)
        try:
            headers = {"Content-Type": self.headers.get("content-type") or "application/json"}
            path = f"{_PREFIX}{name}{'?' * bool(query)}{query}"
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("content-type") or "", answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *values: object) -> None:
        """Write nothing: the algorithms have their own logs."""


def _refused(code: str, message: str) -> tuple[int, str, bytes]:
    """Return a refusal in a 200, of which alone Algorithmia's Python client reads why."""
    error = {"message": message, "error_type": code, "code": code}
    return 200, "application/json", msgspec.json.encode({"error": error})
