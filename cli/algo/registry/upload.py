"""Blobs to a registry: ask first, mount if possible, else send, in chunks when large.

distribution-spec, "Pushing blobs". A single POST with the digest is not used: distribution 2.8
takes it for the start of a session.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from msgspec.structs import replace

from algo.events import Note, Progress
from algo.registry.answers import Answer, read_limited, words_of
from algo.registry.body import Body
from algo.registry.errors import BlobCorrupted, Busy, ConnectionLost, RegistryRefused
from algo.registry.interface import Source, Transfer
from algo.registry.pace import Pace
from algo.registry.transport import COMMIT_SECONDS, Transport, pull, push
from algo.registry.turns import Turns
from algo.registry.wire import Stream
from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.kept import Upload, Uploads
    from algo.registry.turns import Turn
    from algo.registry.wire import Piece

# Distribution forgets a session whose connection breaks inside a request, so a request is
# what a broken connection costs; how large it is within this, the way decides.
UPLOAD_CHUNK = 256 << 20
# How often an upload may break off in all, as long as each attempt gets some of it stored.
MOST_ATTEMPTS = 30
# The failure in a row from which on it is told.
SILENT = 2
# The seconds after which one that waits looks whether it still should.
LOOK = 0.5
STEP = 4 << 20
_TAKEN = frozenset({201, 202, 204})
_FORGOTTEN = frozenset({404, 416})
_OCTETS = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


class Uploader:
    """Sends blobs by `transport`, at most `chunk` bytes a request.

    Args:
        transport: Sends the requests.
        chunk: The bytes of the largest request.
        uploads: Where uploads under way are written down; without it they end with the process.
    """

    def __init__(self, transport: Transport, chunk: int, uploads: Uploads | None) -> None:
        self._transport = transport
        self._pace = Pace(transport.wire, chunk)
        self._uploads = uploads
        self._turns = Turns()

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
        if self._uploads is None or size <= self._pace.size:
            return self._push(repository, descriptor, source, mount_from, notify, None)
        self._uploads.sweep()
        with self._uploads.hold(self._transport.host, repository, digest) as kept:
            return self._push(repository, descriptor, source, mount_from, notify, kept)

    def has(self, repository: str, digest: Digest, *, patient: bool = True) -> bool:
        """Say whether the repository has the blob."""
        path, there = f"/v2/{repository}/blobs/{digest}", frozenset({200, 404})
        answer = self._transport.ask("HEAD", path, pull(repository), expect=there, patient=patient)
        return answer.status == 200

    def _push(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        mount_from: str,
        notify: Notify,
        kept: Upload | None,
    ) -> Transfer:
        digest, size = descriptor.digest, descriptor.size
        session = self._kept(repository, descriptor, kept) if kept else None
        session = session or self._start(repository, digest, mount_from)
        if session is None:
            return Transfer(digest, size, "mounted", 0)
        with Body(source, descriptor) as body:
            sending = _Sending(repository, descriptor, body, notify, session, kept)
            self._persist(sending)
        if kept:
            kept.drop()
        return Transfer(digest, size, "sent", sending.sent)

    def _persist(self, sending: _Sending) -> None:
        """Send, and after each failure what the registry still lacks."""
        patience = self._transport.patience
        failures = attempts = 0
        since = waited = 0.0
        while True:
            before = sending.session.stored
            try:
                if failures:
                    if not self._renewed(sending):
                        return
                    before = sending.session.stored
                self._send(sending)
                return
            except (ConnectionLost, Busy) as error:
                now = patience.clock()
                if not failures or sending.session.stored > before:
                    failures, since, waited = 0, now, 0.0
                    attempts += 1
                failures += 1
                outlasted = max(waited, now - since) >= patience.outage
                if attempts >= MOST_ATTEMPTS or (outlasted and failures >= patience.attempts):
                    raise
                if isinstance(error, ConnectionLost):
                    self._pace.broke(error.carried)
                sending.tell(sending.session.stored)
                if failures == SILENT:
                    sending.notify(Note(f"{self._transport.host} does not answer: trying again"))
                pause = patience.seconds(failures - 1, getattr(error, "retry_after", 0.0))
                self._wait(sending, pause)
                waited += pause

    def _wait(self, sending: _Sending, seconds: float) -> None:
        """Wait between two attempts, in which an upload that is not wanted any more can end."""
        while seconds > 0:
            self._transport.patience.sleep(min(seconds, LOOK))
            seconds -= LOOK
            sending.tell(sending.session.stored)

    def _renewed(self, sending: _Sending) -> bool:
        """Find out what of it is stored; say whether there is anything left to send."""
        # The last request may have arrived although its answer did not.
        if self.has(sending.repository, sending.digest, patient=False):
            return False
        session = self._resume(sending.repository, sending.session, patient=False)
        session = session or self._start(sending.repository, sending.digest, "", patient=False)
        if session is None:
            return False
        sending.session = session
        return True

    def _kept(self, repository: str, descriptor: Descriptor, kept: Upload) -> _Session | None:
        """Return the session of a push that was cut off, when the registry has it still."""
        saved = kept.read()
        if saved is None:
            return None
        try:
            location = self._transport.url(saved.location)
            session = self._resume(repository, _Session(location, saved.stored, least=saved.least))
        except RegistryRefused:
            return None
        if session is None or session.stored > descriptor.size:
            return None
        session.unsure = True
        return session

    def _start(
        self, repository: str, digest: Digest, mount_from: str, *, patient: bool = True
    ) -> _Session | None:
        """Open a session; `None` when the registry has the blob after that."""
        path = f"/v2/{repository}/blobs/uploads/"
        scope = push(repository)
        if mount_from and mount_from != repository:
            query = urlencode({"mount": str(digest), "from": mount_from})
            path = f"{path}?{query}"
            scope = f"{scope} {pull(mount_from)}"
        opened = frozenset({201, 202})
        answer = self._transport.ask("POST", path, scope, expect=opened, patient=patient)
        if answer.status == 201:
            return None
        location = answer.headers.get("location")
        if not location:
            raise RegistryRefused(f"{self._transport.host} opens an upload without an address")
        least = answer.headers.get("oci-chunk-min-length", "")
        return _Session(self._transport.url(location), least=int(least) if least.isdecimal() else 0)

    def _send(self, sending: _Sending) -> None:
        """Send what the session lacks, and close it; the session follows what was stored."""
        session, size = sending.session, sending.size
        while True:
            # Between two requests is where an upload that is not wanted any more can end.
            sending.tell(session.stored)
            rest = size - session.stored
            with self._turns.turn(rest, lambda: sending.tell(session.stored)) as turn:
                # What the way bears is known better after the wait.
                most = max(self._pace.size, session.least)
                if rest > most:
                    self._send_part(sending, most, turn)
                    continue
                if self._commit(sending, rest, turn):
                    break
        sending.tell(size)

    def _send_part(self, sending: _Sending, size: int, turn: Turn) -> None:
        session = sending.session
        where = {"Content-Range": f"{session.stored}-{session.stored + size - 1}"}
        began = time.monotonic()
        answer = self._request("PATCH", session.location, sending, size, where, turn)
        if answer is None:
            return
        self._pace.went(size, time.monotonic() - began)
        session.stored += size
        if location := answer.headers.get("location"):
            session.location = self._transport.url(location)
        if sending.kept:
            sending.kept.save(session.location, session.stored, session.least)

    def _commit(self, sending: _Sending, rest: int, turn: Turn) -> bool:
        """Send the last request, with what is left; say whether it is no longer too large."""
        session = sending.session
        if not rest:
            sending.body.finish()
        mark = "&" if "?" in session.location else "?"
        end = f"{session.location}{mark}{urlencode({'digest': str(sending.digest)})}"
        part = f"{session.stored}-{sending.size - 1}"
        where = {"Content-Range": part} if session.stored and rest else {}
        try:
            return self._request("PUT", end, sending, rest, where, turn) is not None
        except RegistryRefused as error:
            sending.body.check()
            if "DIGEST_INVALID" not in error.details:
                raise
            host = self._transport.host
            if session.unsure:
                # What somebody else stored is spoilt; ours starts from nothing.
                session.location = ""
                raise ConnectionLost(f"{host} kept a spoilt upload") from error
            raise BlobCorrupted.of(sending.digest, host, "it changed on the way") from error

    def _request(
        self,
        method: str,
        address: str,
        sending: _Sending,
        size: int,
        headers: Mapping[str, str],
        turn: Turn,
    ) -> Answer | None:
        """Send `size` bytes; `None` when that is too much, and less may not be."""
        host = self._transport.host
        with self._transport.stream(
            method,
            address,
            push(sending.repository),
            headers={**_OCTETS, **headers},
            content=Stream(size, turn.over(sending.pieces(size))) if size else b"",
            expect=_TAKEN | _FORGOTTEN | {413},
            seconds=COMMIT_SECONDS,
        ) as got:
            answer = Answer(got.status, got.headers, read_limited(got, host))
        if answer.status in _FORGOTTEN:
            raise ConnectionLost(f"{host} forgot an upload")
        if answer.status != 413:
            return answer
        if self._pace.was_too_large(size):
            return None
        raise RegistryRefused(
            f"{host} takes no request of {size} bytes", details=words_of(answer.body)
        )

    def _resume(
        self, repository: str, session: _Session, *, patient: bool = True
    ) -> _Session | None:
        """Ask how much of a session is stored; `None` when it is gone."""
        if not session.location:
            return None
        expect = frozenset({200, 202, 204, 400, 404, 405, 416})
        answer = self._transport.ask(
            "GET", session.location, push(repository), expect=expect, patient=patient
        )
        if answer.status in {400, 405}:
            # A server that tells nobody may still go on at the border of the last request.
            return None if session.unsure else replace(session, unsure=True)
        stored = _RANGE.fullmatch(answer.headers.get("range", ""))
        if answer.status >= 400 or stored is None:
            return None
        location = answer.headers.get("location")
        # `0-0` is said both of an empty session and of one byte.
        return _Session(
            self._transport.url(location) if location else session.location,
            int(stored[1]) + 1 if int(stored[1]) else 0,
            session.unsure,
            session.least,
        )


class _Session(Record):
    """An upload under way: where the next request goes, and how many bytes are stored.

    `unsure`: it may hold other bytes than we think. `least`: the fewest bytes of a request but
    the last (distribution-spec, `OCI-Chunk-Min-Length`).
    """

    location: str
    stored: int = 0
    unsure: bool = False
    least: int = 0


class _Sending(Record):
    """A blob that is being sent, and how many bytes of it went out, repeated ones included."""

    repository: str
    descriptor: Descriptor
    body: Body
    notify: Notify
    session: _Session
    kept: Upload | None
    sent: int = 0

    @property
    def digest(self) -> Digest:
        return self.descriptor.digest

    @property
    def size(self) -> int:
        return self.descriptor.size

    def pieces(self, size: int) -> Iterator[Piece]:
        """Yield the next bytes of the session; the last ones only when all were what they should.

        Raises:
            BlobCorrupted: They are not.
        """
        start = done = told = self.session.stored
        for piece in self.body.part(start, size):
            yield piece
            done += len(piece)
            self.sent += len(piece)
            if done - told >= STEP:
                told = done
                # A registry forgets what it has of an upload whose request is cut.
                with suppress(CancelledError):
                    self.tell(done)
        if done == self.size:
            self.body.finish()

    def tell(self, done: int) -> None:
        """Tell how far it is."""
        self.notify(Progress(f"Pushing {self.digest.short}", done, self.size))
