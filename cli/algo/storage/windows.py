"""The files in a tar on the disk, each as a file of its own that can be read from anywhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from algo.storage.tar import PROJECT, Kind, read_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.storage.tar import Member, Rules


def files_in(file: BinaryIO, rules: Rules = PROJECT) -> Iterator[tuple[Member, BinaryIO]]:
    """Yield the files of a plain tar; the whole of it is checked before the first one comes.

    Raises:
        UnsafeArchive: As `read_tar`.
        OSError: `file` cannot be read.
    """
    start = file.tell()
    found = [
        (member, file.tell()) for member, _ in read_tar(file, rules) if member.kind == Kind.FILE
    ]
    for member, place in found:
        yield member, cast("BinaryIO", io.BufferedReader(_Window(file, place, member.size)))
    file.seek(start)


class _Window(io.RawIOBase):
    """A part of a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on from another place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with what follows, as far as there is something."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        wanted = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted) if wanted else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
