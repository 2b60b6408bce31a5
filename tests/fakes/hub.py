"""A server on loopback that speaks as much of the Hugging Face Hub as its client asks for."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 1000


@dataclass
class Repository:
    """A repository: the files of each commit, and what its names stand for.

    `token` opens it; without one it is everybody's. `gated`: an account must be let in.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str = ""
    gated: bool = False

    def commit(self, files: dict[str, bytes], *refs: str) -> str:
        """Add a commit, which `main` and each of `refs` stand for from now on."""
        told = repr(sorted(files.items())).encode()
        commit = hashlib.sha1(told).hexdigest()
        self.commits[commit] = files
        for ref in ("main", *refs):
            self.refs[ref] = commit
        return commit


@dataclass
class Hub:
    """What there is, and what was asked for.

    Args:
        address: `HF_ENDPOINT`.
        repositories: By `org/name`.
        cuts: After how many bytes each of the next large bodies ends.
        asked: Path and range of each request.
        sent: The bytes of files that were sent.
    """

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0

    def repository(self, name: str, **options: object) -> Repository:
        """Make a repository."""
        made = Repository(**options)  # type: ignore[arg-type]
        self.repositories[name] = made
        return made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((path, self.headers.get("Range", "")))
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._info("/".join(parts[2:4]), unquote(parts[5]) if len(parts) > 5 else "main")
        elif len(parts) < 5 or parts[2] != "resolve":
            self._send(404, b"", {})
        else:
            self._file("/".join(parts[:2]), unquote(parts[3]), unquote("/".join(parts[4:])))

    def _opened(self, name: str, revision: str) -> tuple[Repository, str] | None:
        found = self.hub.repositories.get(name)
        sent = self.headers.get("Authorization", "")
        if found is None or (found.token and sent != f"Bearer {found.token}"):
            self._refuse(404 if sent else 401, "RepoNotFound")
        elif found.gated:
            self._refuse(403, "GatedRepo")
        elif (commit := found.refs.get(revision, revision)) not in found.commits:
            self._refuse(404, "RevisionNotFound")
        else:
            return found, commit
        return None

    def _info(self, name: str, revision: str) -> None:
        opened = self._opened(name, revision)
        if opened is None:
            return
        repository, commit = opened
        files = [_sibling(path, data) for path, data in repository.commits[commit].items()]
        body = {"id": name, "modelId": name, "sha": commit, "siblings": files, "tags": []}
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, revision: str, path: str) -> None:
        opened = self._opened(name, revision)
        if opened is None:
            return
        repository, commit = opened
        if path not in repository.commits[commit]:
            self._refuse(404, "EntryNotFound")
            return
        data = repository.commits[commit][path]
        begin = self.headers.get("Range", "").removeprefix("bytes=").rstrip("-")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
        self._send(206 if begin else 200, data[int(begin or 0) :], headers, counted=True)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, counted: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        large = counted and len(body) > LARGE
        cut = self.hub.cuts.pop(0) if large and self.hub.cuts else len(body)
        self.wfile.write(body[:cut])
        self.hub.sent += min(cut, len(body)) if counted else 0
        self.close_connection = cut < len(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _sibling(path: str, data: bytes) -> dict[str, object]:
    found: dict[str, object] = {
        "rfilename": path,
        "size": len(data),
        "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
    }
    if len(data) > LARGE:
        sha256 = hashlib.sha256(data).hexdigest()
        found["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 134}
    return found


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve until the block ends."""
    hub = Hub()
    with servers.serving(type("Handler", (_Handler,), {"hub": hub})) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        yield hub
