"""Blobs from a registry: a connection that breaks, or a process that ends, costs nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.registry.errors import BlobCorrupted, Busy, ConnectionLost, NotFound
from algo.registry.streams import verifying
from algo.registry.transport import Transport, pull
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.oci.descriptor import Descriptor
    from algo.registry.partial import Downloads, Part

# Smaller blobs come again as fast as they could be found on the disk.
KEPT_FROM = 8 << 20
_AGAIN = "its start lay on this disk since an earlier try and is dropped now: try again"


class Downloader(Value, frozen=True):
    """Reads blobs by `transport`; without `downloads` they begin anew in every process."""

    transport: Transport
    downloads: Downloads | None = None

    def open(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """See Registry.open_blob."""
        if self.downloads is None or descriptor.size < KEPT_FROM:
            yield from self._verified(repository, descriptor, None)
            return
        with self.downloads.hold(descriptor.digest, descriptor.size) as part:
            yield from self._verified(repository, descriptor, part)
            if part:
                part.drop()

    def fetch(self, repository: str, descriptor: Descriptor) -> Iterator[bytes] | None:
        """See HttpRegistry.fetch_blob."""
        if descriptor.size < KEPT_FROM:
            return iter(list(self._verified(repository, descriptor, None)))
        if self.downloads is None:
            return None
        with self.downloads.hold(descriptor.digest, descriptor.size) as part:
            if part is None:
                return None
            for _ in self._verified(repository, descriptor, part):
                pass
            if part.size < descriptor.size:
                return None
            part.found = part.size
            whole = part.handed_out()
        return verifying(whole, descriptor, f"what came from {self._place(repository)}")

    def _verified(
        self, repository: str, descriptor: Descriptor, part: Part | None
    ) -> Iterator[bytes]:
        found = part.found if part else 0
        try:
            yield from verifying(
                self._pieces(repository, descriptor, part),
                descriptor,
                self._place(repository),
            )
        except BlobCorrupted as error:
            if part:
                part.drop()
            if found:
                raise BlobCorrupted.of(
                    descriptor.digest, self._place(repository), _AGAIN
                ) from error
            raise

    def _pieces(
        self, repository: str, descriptor: Descriptor, part: Part | None
    ) -> Iterator[bytes]:
        """Yield the blob's bytes; a broken connection goes on where it broke."""
        patience = self.transport.patience
        done = failures = 0
        if part:
            done = part.found
            yield from part.read()
        while True:
            before = done
            try:
                for piece in self._from(repository, descriptor, done):
                    done += len(piece)
                    if part:
                        part.append(piece)
                    yield piece
                return
            except (ConnectionLost, Busy) as error:
                failures = 1 if done > before else failures + 1
                if failures >= patience.attempts:
                    raise
                patience.pause(failures, getattr(error, "retry_after", 0.0))

    def _from(self, repository: str, descriptor: Descriptor, start: int) -> Iterator[bytes]:
        """Yield what follows after `start` bytes, also from a server that knows no ranges."""
        if 0 < descriptor.size <= start:
            return
        digest = descriptor.digest
        path = f"/v2/{repository}/blobs/{digest}"
        # Some servers want both ends of a range, and refuse others.
        ranged = {"Range": f"bytes={start}-{descriptor.size - 1}"} if start else {}
        for headers in (ranged, {}):
            expect = frozenset({200, 206, 404, *({416} if headers else ())})
            with self.transport.stream(
                "GET", path, pull(repository), headers=headers, expect=expect
            ) as got:
                if got.status == 416:
                    continue
                if got.status == 404:
                    raise NotFound(
                        f"{self.transport.host} has no blob {digest} of {repository}",
                        repository=repository,
                    )
                skip = start if got.status == 200 else 0
                for piece in got.pieces():
                    if skip < len(piece):
                        yield piece[skip:]
                        skip = 0
                    else:
                        skip -= len(piece)
                return

    def _place(self, repository: str) -> str:
        return f"{self.transport.host}/{repository}"
