"""Downloads under way, on the disk: a pull that was cut off goes on where it had got to."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from algo.oci.digest import CHUNK
from algo.registry.kept import open_locked
from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from algo.oci.digest import Digest

LIFE_SECONDS = 7 * 86_400.0
SUFFIX = ".part"


class Part(Record):
    """The start of a blob, which is ours while it is open; what cannot be written is not kept.

    `size` bytes are there; `found` were when it was opened.
    """

    found: int
    size: int
    _descriptor: int
    _path: Path
    _fails: bool = False

    def read(self) -> Iterator[bytes]:
        """Yield what was found."""
        done = 0
        while done < self.found:
            piece = os.pread(self._descriptor, min(CHUNK, self.found - done), done)
            if not piece:
                raise OSError(f"{self._path} became shorter")
            done += len(piece)
            yield piece

    def append(self, piece: bytes) -> None:
        """Write the next bytes; after a failure none, so that there is no gap."""
        if self._fails:
            return
        try:
            written = os.pwrite(self._descriptor, piece, self.size)
            self.size += written
            self._fails = written < len(piece)
        except OSError:
            self._fails = True
            self.drop()

    def handed_out(self) -> Iterator[bytes]:
        """Return the pieces of the whole, whose name goes at once, to be read later."""
        file = os.fdopen(os.dup(self._descriptor), "rb")
        self.drop()
        return _pieces_of(file)

    def drop(self) -> None:
        """Forget it: all of it came, or it is not what it should be."""
        with suppress(OSError):
            self._path.unlink()


class Downloads:
    """The starts of blobs in a folder, one file each, named by digest and locked while in use.

    Args:
        root: The folder; made when there is something to write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def hold(self, digest: Digest, size: int) -> Iterator[Part | None]:
        """Open the start of a blob of `size` bytes; `None` where that cannot be had alone."""
        self.sweep()
        path = self.root / f"{digest.hex}{SUFFIX}"
        descriptor = open_locked(path)
        if descriptor is None:
            yield None
            return
        try:
            found = os.fstat(descriptor).st_size
            if found > size:
                os.ftruncate(descriptor, 0)
                found = 0
            part = Part(found, found, descriptor, path)
            try:
                yield part
            finally:
                if not part.size:
                    part.drop()
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what nobody came back for in a week."""
        oldest = time.time() - LIFE_SECONDS
        for path in self.root.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece
