"""The playground: a page in which a person calls the algorithm; files of ours, no other host."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.http import answers

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Routes

FOLDER = Path(__file__).resolve().parent.parent / "playground"
INDEX = "index.html"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
# The page's own files and the service it came from, and nothing else; images of results are
# data and blobs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page, and what its answer carries."""

    content: bytes
    tag: str
    headers: answers.Headers


class Playground:
    """Answers `GET /` of browsers, and what the page loads."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._files: dict[str, File] = {}

    def register(self, routes: Routes) -> None:
        """Add the files of the page; `/` is shared with those who want text."""
        routes.add("GET HEAD", "/playground/*", self.file, "")

    def describe(self, interface: Interface) -> None:
        """Add nothing: a page for people is no part of the interface."""

    async def file(self, scope: Any, proto: Any) -> None:
        """Answer with one of the page's files."""
        self._send(scope.path.rpartition("/")[2], scope, proto)

    def page(self, scope: Any, proto: Any) -> None:
        """Answer with the page."""
        self._send(INDEX, scope, proto)

    def _send(self, name: str, scope: Any, proto: Any) -> None:
        file = self._read().get(name)
        if file is None:
            problem = Failure(404, "not_found", f"there is nothing at {scope.path}")
            proto.response_bytes(404, *answers.failure(problem, development=False))
        elif file.tag in (scope.headers.get("if-none-match") or ""):
            proto.response_bytes(304, file.headers, b"")
        else:
            body = b"" if scope.method == "HEAD" else file.content
            proto.response_bytes(200, file.headers, body)

    def _read(self) -> dict[str, File]:
        """Return the files by name, read when the first is asked for."""
        if not self._files:
            self._files = {
                path.name: _file(path) for path in self._folder.iterdir() if path.suffix in _KINDS
            }
        return self._files


def wants_page(accept: str) -> bool:
    """Tell whether who accepts this is a browser that shows a page."""
    return "text/html" in accept


def _file(path: Path) -> File:
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = [
        ("content-type", _KINDS[path.suffix]),
        ("etag", tag),
        ("cache-control", "no-cache"),
        ("vary", "accept"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", _POLICY),
    ]
    return File(content, tag, headers)
