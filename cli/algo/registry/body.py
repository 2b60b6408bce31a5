"""A blob on its way out: its bytes from any offset."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from algo.oci.digest import CHUNK, Digest
from algo.oci.seal import unseal
from algo.registry.errors import MEND_CACHE, BlobCorrupted
from algo.registry.streams import chunks_of
from algo.registry.wire import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from types import TracebackType

    from algo.oci.descriptor import Descriptor
    from algo.registry.interface import Source
    from algo.registry.wire import Piece

EXTENT = 4 << 20
_WHERE = "what was to be sent"


class Body:
    """The bytes of `source`, which must be as many as `wanted` says; a context manager.

    They are not hashed on their way: a registry compares them with the digest before it takes
    the blob, and where it does not take it `check` says whose fault that is.
    """

    def __init__(self, source: Source, wanted: Descriptor) -> None:
        self._source = source
        self._wanted = wanted
        self._stack = ExitStack()
        self._file: FileIO | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b""
        self._position = -1

    def __enter__(self) -> Body:
        if isinstance(self._source, Path):
            self._file = self._stack.enter_context(self._source.open("rb", buffering=0))
            self._compare_size(self._file.seek(0, 2))
        elif isinstance(self._source, bytes):
            self._compare_size(len(self._source))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def part(self, start: int, size: int) -> Iterator[Piece]:
        """Yield `size` bytes from `start`; each call reads anew.

        Raises:
            BlobCorrupted: The source ends earlier.
        """
        end = start + size
        for piece in self._read(start, size):
            start += len(piece)
            yield piece
        if start < end:
            raise self._corrupted(f"it has {start} of {self._wanted.size} bytes")

    def finish(self) -> None:
        """See that nothing is left of the source.

        Raises:
            BlobCorrupted: It is longer.
        """
        if not isinstance(self._source, Path | bytes):
            more = self._rest or next(self._pieces, b"")
            if more:
                raise self._corrupted(f"it is over {self._wanted.size} bytes long")

    def check(self) -> None:
        """Compare the whole source with its digest.

        Raises:
            BlobCorrupted: It has another one.
        """
        hasher = hashlib.sha256()
        for piece in chunks_of(self._source):
            hasher.update(piece)
        found = Digest(hasher.hexdigest())
        if found != self._wanted.digest:
            if isinstance(self._source, Path):
                unseal(self._source)
            raise self._corrupted(f"it has the digest {found}")

    def _read(self, start: int, size: int) -> Iterator[Piece]:
        if isinstance(self._source, bytes):
            whole = memoryview(self._source)
            for begin in range(start, start + size, CHUNK):
                yield whole[begin : min(begin + CHUNK, start + size)]
        elif self._file is not None:
            for begin in range(start, start + size, EXTENT):
                yield Extent(self._file, begin, min(EXTENT, start + size - begin))
        else:
            yield from self._flow(start, size)

    def _flow(self, start: int, size: int) -> Iterator[bytes]:
        """Take a stream on to `start`, from its beginning when it is past that."""
        if not 0 <= self._position <= start:
            assert not isinstance(self._source, Path | bytes)
            self._pieces, self._rest, self._position = self._source(), b"", 0
        end = start + size
        while self._position < end and (piece := self._rest or next(self._pieces, b"")):
            limit = start if self._position < start else end
            part = piece[: limit - self._position]
            self._rest = piece[len(part) :]
            self._position += len(part)
            if self._position > start:
                yield part

    def _compare_size(self, size: int) -> None:
        if size != self._wanted.size:
            raise self._corrupted(f"it has {size} of {self._wanted.size} bytes")

    def _corrupted(self, found: str) -> BlobCorrupted:
        return BlobCorrupted.of(self._wanted.digest, _WHERE, found, MEND_CACHE)
