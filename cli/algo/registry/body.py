"""A blob on its way out: its bytes from any offset, hashed once while they are sent."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from algo.oci.digest import CHUNK, Digest
from algo.registry.errors import BlobCorrupted
from algo.registry.wire import Extent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from types import TracebackType

    from algo.oci.descriptor import Descriptor
    from algo.registry.interface import Source
    from algo.registry.wire import Piece

EXTENT = 4 << 20
# How many pieces may wait for the hasher. Smaller blobs are not worth a thread.
AHEAD = 4
THREAD_FROM = 8 << 20
_WHERE = "what was to be sent"


class Body:
    """The bytes of `source`, which must be those of `wanted`; a context manager.

    Hashing runs beside the sending: both let go of the interpreter's lock.
    """

    def __init__(self, source: Source, wanted: Descriptor) -> None:
        self._source = source
        self._wanted = wanted
        self._hasher = hashlib.sha256()
        self._hashed = 0
        self._waiting: deque[Future[None]] = deque()
        self._stack = ExitStack()
        self._pool: ThreadPoolExecutor | None = None
        self._file: FileIO | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b""
        self._position = -1

    def __enter__(self) -> Body:
        size = self._wanted.size
        if isinstance(self._source, Path):
            self._file = self._stack.enter_context(self._source.open("rb", buffering=0))
            self._compare_size(self._file.seek(0, 2))
        elif isinstance(self._source, bytes):
            self._compare_size(len(self._source))
        if size >= THREAD_FROM:
            self._pool = self._stack.enter_context(ThreadPoolExecutor(1, "hash"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._stack.close()

    def part(self, start: int, size: int) -> Iterator[Piece]:
        """Yield `size` bytes from `start`; each call reads anew.

        Raises:
            BlobCorrupted: The source ends earlier.
        """
        if start > self._hashed:
            self._skip(start)
        end = start + size
        for piece in self._read(start, size):
            self._hash(start, piece)
            start += len(piece)
            yield piece
        if start < end:
            raise self._corrupted(f"it has {start} of {self._wanted.size} bytes")

    def finish(self) -> None:
        """Compare what was read with the descriptor.

        Raises:
            BlobCorrupted: It has another size or digest.
        """
        if not isinstance(self._source, Path | bytes):
            more = self._rest or next(self._pieces, b"")
            if more:
                raise self._corrupted(f"it is over {self._wanted.size} bytes long")
        while self._waiting:
            self._waiting.popleft().result()
        found = Digest(self._hasher.hexdigest())
        if found != self._wanted.digest:
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

    def _skip(self, start: int) -> None:
        """Hash what the registry has already, beside the sending of the rest where that can be."""
        begin = self._hashed
        for piece in self._read(begin, start - begin):
            self._hash(begin, piece)
            begin += len(piece)

    def _hash(self, start: int, piece: Piece) -> None:
        """Hash what was not yet: a part that is sent again was."""
        known = max(self._hashed - start, 0)
        if known >= len(piece):
            return
        self._hashed = start + len(piece)
        if isinstance(piece, Extent):
            rest = Extent(piece.file, start + known, len(piece) - known)
            self._do(partial(self._hash_file, rest))
        else:
            self._do(partial(self._hasher.update, piece[known:]))

    def _hash_file(self, extent: Extent) -> None:
        for piece in extent.read():
            self._hasher.update(piece)

    def _do(self, work: Callable[[], None]) -> None:
        if self._pool is None:
            work()
            return
        self._waiting.append(self._pool.submit(work))
        while len(self._waiting) > AHEAD:
            self._waiting.popleft().result()

    def _compare_size(self, size: int) -> None:
        if size != self._wanted.size:
            raise self._corrupted(f"it has {size} of {self._wanted.size} bytes")

    def _corrupted(self, found: str) -> BlobCorrupted:
        return BlobCorrupted.of(self._wanted.digest, _WHERE, found)
