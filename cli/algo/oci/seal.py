"""Seals: content that was checked against its digest, and that nobody has written to since.

A file that was checked, and is on the disk, gets a time of last change that no write leaves
behind. As long as it has it, looking at the file is enough; else its content is read again. That
finds what a disk, an editor or a stray script did to it, not somebody who sets the time back:
whoever can do that here can also change this program.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from algo.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIME = 946_684_800  # 1 January 2000


class Sealing(Protocol):
    """The calls to the system that a seal is put on with."""

    def sync(self, descriptor: int) -> None:
        """Bring the content of a file, or the names in a folder, to the disk."""

    def stamp(self, path: Path, seconds: int) -> None:
        """Set the times of a file."""


class _Disk:
    """The disk of this machine."""

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def stamp(self, path: Path, seconds: int) -> None:
        os.utime(path, (seconds, seconds), follow_symlinks=False)


_DISK = _Disk()


def holds(path: Path, digest: Digest, size: int, disk: Sealing = _DISK) -> bool:
    """Tell whether the file at `path` is the content of `digest`, `size` bytes."""
    try:
        status = path.stat()
        if status.st_size != size:
            return False
        if status.st_mtime_ns == _TIME * 10**9:
            return True
        if Digest.of_file(path) != digest:
            return False
    except OSError:
        return False
    seal(path, disk)
    return True


def unseal(path: Path) -> None:
    """Have the content of a file read again: it turned out to be another than it should be."""
    with suppress(OSError):
        os.utime(path)


def seal_tree(folder: Path, disk: Sealing = _DISK) -> None:
    """Seal all below `folder`, and itself."""
    for path in (*_below(folder), folder):
        seal(path, disk)


def is_sealed_tree(folder: Path) -> bool:
    """Tell whether nothing below `folder` was written, added or removed since it was sealed."""
    try:
        paths = (folder, *_below(folder))
        return all(path.lstat().st_mtime_ns == _TIME * 10**9 for path in paths)
    except OSError:
        return False


def seal(path: Path, disk: Sealing = _DISK) -> None:
    """Note that the content of the file or folder at `path` was checked."""
    with suppress(OSError):  # another user's file: it is read again the next time
        # A time may reach the disk before the content that it speaks for.
        if not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                disk.sync(descriptor)
            finally:
                os.close(descriptor)
        disk.stamp(path, _TIME)


def _below(folder: Path) -> Iterator[Path]:
    # A folder after what is in it: nothing that is done below changes its time afterwards.
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)
        yield entry
