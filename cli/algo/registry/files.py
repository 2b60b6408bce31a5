"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT}
_STALE_SECONDS = 86_400.0


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk into DiskFull, naming `folder`.

    Raises:
        DiskFull: No space is left, or the quota is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"no space is left for {folder}") from error
        raise


def write_whole(target: Path, pieces: Iterable[bytes], scratch: Path, mode: int = 0o644) -> None:
    """Write `pieces` beside and rename: `target` has all of them, on the disk, or is untouched.

    Args:
        target: The file; an existing one is replaced.
        pieces: Its bytes. What they raise leaves no file behind.
        scratch: An existing folder of the same filesystem for the unfinished file.
        mode: The permissions.

    Raises:
        DiskFull: No space is left.
    """
    with disk_errors(target.parent):
        descriptor, name = tempfile.mkstemp(dir=scratch, prefix=".algo-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(scratch: Path) -> None:
    """Remove what killed writers left in `scratch` a day ago or earlier."""
    oldest = time.time() - _STALE_SECONDS
    for path in scratch.glob(".algo-*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the existing file `path` while the block runs."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
