"""A small real registry on loopback which fails on demand.

It keeps manifests, blobs, chunked uploads and tokens as the specifications say, in memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD, IDENTITY = "ada", "s3cret:pass", "identity-token"


@dataclass(slots=True)
class Fault:
    """What goes wrong with the requests whose `METHOD path` matches `request`.

    `cut` answers nothing, or that many bytes of the body, and breaks the connection; `flip`
    changes a byte of the answer; `late` does the work first and then fails; `keep` stores that
    many bytes of the chunk and breaks the connection, as the specification has it; `hold` gives no
    answer before the client is gone.
    """

    request: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    flip: bool = False
    late: bool = False
    keep: int | None = None
    hold: bool = False


@dataclass(slots=True)
class Scene:
    """The server's contents, what it asks for, what goes wrong, and what was asked of it."""

    address: str = ""
    auth: str = ""
    ranges: bool = True
    holding: int = 0
    least: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, line: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.request, line):
                    fault.times -= 1
                    return fault
        return None

    def count(self, pattern: str) -> int:
        """Return how many requests matched `pattern`."""
        return sum(bool(re.search(pattern, line)) for line in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scene: Scene

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        line = f"{self.command} {self.path}"
        self.scene.seen.append(line)
        self.scene.headers.append({key.lower(): value for key, value in self.headers.items()})
        fault = self.scene.fault(line)
        body = b""
        left = int(self.headers.get("Content-Length", "0"))
        if fault and fault.keep is not None:
            upload = urlsplit(self.path).path.rpartition("/")[2]
            self.scene.uploads[upload] += self.rfile.read(fault.keep)
            self._break()
            return
        if fault and fault.hold:
            self.scene.holding += 1
            while self.connection.recv(1 << 16):
                pass
            self.close_connection = True
            return
        if fault and fault.cut is not None and left and not fault.late:
            self._break()
            return
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 20))):
            body += piece
            left -= len(piece)
        if left:
            self._break()
            return
        if fault and fault.status and not fault.late:
            self._answer(fault.status, fault.headers, b'{"errors":[{"code":"X","message":"no"}]}')
            return
        status, headers, data = self._serve(body)
        if fault and fault.status:
            status, headers, data = fault.status, fault.headers, b""
        if fault and fault.flip:
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault and fault.cut is not None:
            if not fault.late:
                self._answer(status, headers, data, only=fault.cut)
            self._break()
            return
        self._answer(status, headers, data)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = handle_any

    def _break(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(
        self, status: int, headers: dict[str, str], data: bytes, only: int | None = None
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:only])

    def _serve(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/token":
            return self._token(parse_qs(url.query), parse_qs(body.decode()))
        refusal = self._unauthorized()
        if refusal:
            return refusal
        if url.path == "/v2/":
            return 200, {}, b"{}"
        name, kind, rest = url.path.removeprefix("/v2/").rsplit("/", 2)
        if name.endswith("/blobs") and kind == "uploads":
            return self._upload(name.removesuffix("/blobs"), rest, query, body)
        if kind == "blobs":
            return self._blob(rest)
        if kind == "manifests":
            return self._manifest(name, rest, body)
        if kind == "tags":
            tags = [tag for repository, tag in self.scene.manifests if repository == name]
            tags = [tag for tag in tags if ":" not in tag]
            start = int(query.get("last", "0"))
            link = f'</v2/{name}/tags/list?last={start + 2}>; rel="next"'
            more = {"Link": link} if start + 2 < len(tags) else {}
            return 200, more, json.dumps({"tags": tags[start : start + 2]}).encode()
        return 404, {}, b""

    def _blob(self, digest: str) -> tuple[int, dict[str, str], bytes]:
        if digest not in self.scene.blobs:
            return 404, {}, b""
        data = self.scene.blobs[digest]
        asked = re.fullmatch(r"bytes=(\d+)-\d+", self.headers.get("Range", ""))
        if not asked or not self.scene.ranges:
            return 200, {}, data
        return 206, {}, data[int(asked[1]) :]

    def _manifest(self, name: str, what: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        there = self.scene.manifests
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for key in (what, digest):
                there[name, key] = (body, self.headers["Content-Type"])
            return 201, {"Docker-Content-Digest": digest}, b""
        if (name, what) not in there:
            return 404, {}, b""
        data, media_type = there[name, what]
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, data

    def _upload(
        self, name: str, upload: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        uploads = self.scene.uploads
        if self.command == "POST":
            upload = str(len(self.scene.seen))
            uploads[upload] = b""
            if self.scene.least:
                least = {"OCI-Chunk-Min-Length": str(self.scene.least)}
                return 202, {"Location": f"/v2/{name}/blobs/uploads/{upload}", **least}, b""
        if upload not in uploads:
            return 404, {}, b""
        where = {"Location": f"/v2/{name}/blobs/uploads/{upload}?state={len(body)}"}
        if self.command == "GET":
            stored = max(len(uploads[upload]) - 1, 0)
            return 204, {**where, "Range": f"0-{stored}"}, b""
        first = self.headers.get("Content-Range", "").partition("-")[0]
        if first and int(first) != len(uploads[upload]):
            return 416, {}, b""
        uploads[upload] += body
        if self.command != "PUT":
            return 202, where, b""
        data = uploads.pop(upload)
        if query["digest"] != f"sha256:{hashlib.sha256(data).hexdigest()}":
            return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID","message":"other"}]}'
        self.scene.blobs[query["digest"]] = data
        return 201, {}, b""

    def _unauthorized(self) -> tuple[int, dict[str, str], bytes] | None:
        given = self.headers.get("Authorization", "")
        if self.scene.auth == "basic" and given != basic():
            return 401, {"WWW-Authenticate": 'Basic realm="algo"'}, b""
        if self.scene.auth == "bearer" and given.removeprefix("Bearer ") not in self.scene.tokens:
            realm = f"http://{self.scene.address}/token"
            return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="algo"'}, b""
        return None

    def _token(
        self, query: dict[str, list[str]], form: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        asked = form.get("refresh_token") == [IDENTITY] and form["grant_type"] == ["refresh_token"]
        if not asked and self.headers.get("Authorization") != basic():
            return 401, {}, b""
        self.scene.scopes += query.get("scope", []) + form.get("scope", [])
        token = f"token-{len(self.scene.tokens)}"
        self.scene.tokens.append(token)
        return 200, {}, json.dumps({"token": token, "expires_in": 300}).encode()


def basic() -> str:
    return f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@contextmanager
def serving() -> Iterator[Scene]:
    """Run a registry while the block runs."""
    scene = Scene()
    handler = type("Handler", (_Handler,), {"scene": scene})
    with servers.serving(handler) as server:
        scene.address = f"127.0.0.1:{server.server_port}"
        yield scene
