"""Seals: content that was checked against its digest, and that nobody has written to since.

A file that was checked gets a time of last change that no write leaves behind. As long as it has
it, looking at the file is enough; else its content is read again. That finds what a disk, an
editor or a stray script did to it, not somebody who sets the time back: whoever can do that here
can also change this program.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from algo.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIME = 946_684_800  # 1 January 2000


def holds(path: Path, digest: Digest, size: int) -> bool:
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
    seal(path)
    return True


def seal_tree(folder: Path) -> None:
    """Seal all below `folder`, and itself."""
    for path in (*_below(folder), folder):
        seal(path)


def is_sealed_tree(folder: Path) -> bool:
    """Tell whether nothing below `folder` was written, added or removed since it was sealed."""
    try:
        paths = (folder, *_below(folder))
        return all(path.lstat().st_mtime_ns == _TIME * 10**9 for path in paths)
    except OSError:
        return False


def seal(path: Path) -> None:
    """Note that the content of the file or folder at `path` was checked."""
    with suppress(OSError):  # another user's file: it is read again the next time
        os.utime(path, (_TIME, _TIME), follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    # A folder after what is in it: nothing that is done below changes its time afterwards.
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)
        yield entry
