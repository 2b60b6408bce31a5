"""Files that appear whole or not at all, and that are still there after the power was cut."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from algo.resources import writing
from algo.storage.disk import DISK, PREFIX, Disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from algo.storage.held import Held

_STALE_SECONDS = 86_400.0
# A hard link can be refused by the filesystem, by its limits or by protected_hardlinks.
_NO_LINK = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EACCES}


def write_whole(
    target: Path,
    pieces: Iterable[bytes],
    scratch: Path,
    mode: int = 0o644,
    *,
    disk: Disk = DISK,
    held: Held | None = None,
    needed: int = 0,
) -> os.stat_result:
    """Write `pieces` beside and rename: `target` has all of them, on the disk, or is untouched.

    Args:
        target: The file; an existing one is replaced.
        pieces: Its bytes. What they raise leaves no file behind.
        scratch: An existing folder of the same filesystem for the unfinished file.
        mode: The permissions.
        disk: What it is written with.
        held: Holds the file from before others can see it.
        needed: How many bytes it has, where that is known: a full disk is told with it.

    Returns:
        The status of the file that was written, whatever has its name by now.

    Raises:
        DiskFull: No space is left.
    """
    with writing(target.parent, needed):
        descriptor, name = disk.create(scratch)
        try:
            try:
                if held is not None:
                    held.hold_open(descriptor)
                for piece in pieces:
                    disk.write(descriptor, piece)
                os.fchmod(descriptor, mode)
                disk.sync(descriptor)
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            disk.rename(name, target)
        except BaseException:
            disk.remove(name)
            raise
        sync_folder(target.parent, disk)
    return status


def link_whole(source: Path, target: Path, disk: Disk = DISK) -> bool:
    """Give the file `source` a second name, which lasts; False when that cannot be done."""
    with writing(target.parent):
        try:
            disk.link(source, target)
        except OSError as error:
            # A file of that name is damaged, or another process made it a moment ago.
            if error.errno in {*_NO_LINK, errno.EEXIST}:
                return False
            raise
        sync_folder(target.parent, disk)
    return True


def make_folders(folder: Path, disk: Disk = DISK) -> None:
    """Make a folder and those above it, and bring all of their names to the disk."""
    with writing(folder):
        missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
        for path in reversed(missing):
            disk.make_folder(path)
        for path in folder.parents:
            with suppress(PermissionError):  # somebody else's: it was there before us
                sync_folder(path, disk)


def sync_folder(folder: Path, disk: Disk = DISK) -> None:
    """Bring the names in `folder` to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def sweep(scratch: Path) -> None:
    """Remove what killed writers left in `scratch` a day ago or earlier."""
    oldest = time.time() - _STALE_SECONDS
    for path in scratch.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the existing file `path` while the block runs."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
