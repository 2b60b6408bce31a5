"""Blobs to a registry: ask first, mount if possible, else send, in chunks when large.

distribution-spec, "Pushing blobs". A single POST with the digest is not used: distribution 2.8
takes it for the start of a session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from algo.registry.answers import Answer, read_limited
from algo.registry.errors import BlobCorrupted, Busy, ConnectionLost, RegistryRefused
from algo.registry.interface import Source, Transfer
from algo.registry.streams import chunks_of, reporting, verifying
from algo.registry.transport import COMMIT_SECONDS, Transport, pull, push

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest

# Distribution forgets a session whose connection breaks inside a request, so a request is
# what a broken connection costs; up to one such size a blob is sent in one.
UPLOAD_CHUNK = 64 << 20
_OCTETS = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass(frozen=True, slots=True)
class Uploader:
    """Sends blobs by `transport`, `chunk` bytes a request."""

    transport: Transport
    chunk: int = UPLOAD_CHUNK

    def push(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        mount_from: str,
        notify: Notify,
    ) -> Transfer:
        """See Registry.push_blob."""
        digest, size = descriptor.digest, descriptor.size
        if self.has(repository, digest):
            return Transfer(digest, size, "reused", 0)
        session = self._start(repository, digest, mount_from)
        if session is None:
            return Transfer(digest, size, "mounted", 0)
        patience = self.transport.patience
        for attempt in range(patience.attempts):
            try:
                self._send(repository, descriptor, source, session, notify)
                break
            except (ConnectionLost, Busy) as error:
                if attempt + 1 == patience.attempts:
                    raise
                patience.pause(attempt, getattr(error, "retry_after", 0.0))
            # The last request may have arrived although its answer did not.
            if self.has(repository, digest):
                break
            session = self._resume(repository, session) or self._start(repository, digest, "")
            if session is None:
                break
        return Transfer(digest, size, "sent", size)

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether the repository has the blob."""
        path = f"/v2/{repository}/blobs/{digest}"
        answer = self.transport.ask("HEAD", path, pull(repository), expect=frozenset({200, 404}))
        return answer.status == 200

    def _start(self, repository: str, digest: Digest, mount_from: str) -> _Session | None:
        """Open a session; `None` when the registry has the blob after that."""
        path = f"/v2/{repository}/blobs/uploads/"
        scope = push(repository)
        if mount_from and mount_from != repository:
            query = urlencode({"mount": str(digest), "from": mount_from})
            path = f"{path}?{query}"
            scope = f"{scope} {pull(mount_from)}"
        answer = self.transport.ask("POST", path, scope, expect=frozenset({201, 202}))
        if answer.status == 201:
            return None
        location = answer.headers.get("location")
        if not location:
            raise RegistryRefused(f"{self.transport.host} opens an upload without an address")
        return _Session(self.transport.url(location))

    def _send(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        session: _Session,
        notify: Notify,
    ) -> None:
        """Send what the session lacks, and close it; `session` follows what was stored."""
        size = descriptor.size
        text = f"Pushing {descriptor.digest.short}"
        pieces = _after(verifying(chunks_of(source), descriptor, "what was to be sent"), session)
        feed = _Feed(reporting(pieces, text, size, notify, start=session.stored))
        if session.stored or size > self.chunk:
            while session.stored < size:
                part = min(self.chunk, size - session.stored)
                last = session.stored + part - 1
                where = {"Content-Range": f"{session.stored}-{last}"}
                answer = self._request("PATCH", session.location, repository, feed, part, where)
                session.stored += part
                if location := answer.headers.get("location"):
                    session.location = self.transport.url(location)
        mark = "&" if "?" in session.location else "?"
        end = f"{session.location}{mark}{urlencode({'digest': str(descriptor.digest)})}"
        try:
            self._request("PUT", end, repository, feed, size - session.stored, {})
        except RegistryRefused as error:
            if "DIGEST_INVALID" in error.details:
                host = self.transport.host
                raise BlobCorrupted.of(descriptor.digest, host, "it changed on the way") from error
            raise
        feed.finish()

    def _request(
        self,
        method: str,
        address: str,
        repository: str,
        feed: _Feed,
        size: int,
        headers: Mapping[str, str],
    ) -> Answer:
        with self.transport.stream(
            method,
            address,
            push(repository),
            headers={**_OCTETS, **headers, "Content-Length": str(size)},
            content=feed.take(size),
            expect=frozenset({201, 202, 204, 404, 416}),
            seconds=COMMIT_SECONDS,
        ) as got:
            if got.status_code in {404, 416}:
                raise ConnectionLost(f"{self.transport.host} forgot an upload")
            return Answer(got.status_code, dict(got.headers), read_limited(got, repository))

    def _resume(self, repository: str, session: _Session) -> _Session | None:
        """Ask how much of a session is stored; `None` when it is gone."""
        expect = frozenset({200, 202, 204, 400, 404, 405, 416})
        answer = self.transport.ask("GET", session.location, push(repository), expect=expect)
        stored = _RANGE.fullmatch(answer.headers.get("range", ""))
        if answer.status >= 400 or stored is None:
            return None
        location = answer.headers.get("location")
        # `0-0` is said both of an empty session and of one byte.
        return _Session(
            self.transport.url(location) if location else session.location,
            int(stored[1]) + 1 if int(stored[1]) else 0,
        )


@dataclass(slots=True)
class _Session:
    """An upload under way: where the next request goes, and how many bytes are stored."""

    location: str
    stored: int = 0


class _Feed:
    """Cuts a stream of pieces at any byte."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes."""
        while size > 0:
            piece = self._rest or next(self._pieces, b"")
            if not piece:
                return
            self._rest = piece[size:]
            yield piece[:size]
            size -= min(len(piece), size)

    def finish(self) -> None:
        """Run the stream to its end, where its digest is compared."""
        next(self._pieces, None)


def _after(pieces: Iterator[bytes], session: _Session) -> Iterator[bytes]:
    """Yield what the session lacks; what it has is read and verified again."""
    start = session.stored
    for piece in pieces:
        if start < len(piece):
            yield piece[start:]
            start = 0
        else:
            start -= len(piece)
