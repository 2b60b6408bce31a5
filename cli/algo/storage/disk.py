"""The calls to the system that files are written with.

They are a value that is handed to whoever writes, so that a test can be a disk that is full,
a machine that loses power, or one that notes what was written in which order.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class Disk:
    """The disk of this machine."""

    def create(self, folder: Path) -> tuple[int, Path]:
        """Make a file of a new name in `folder`; return its descriptor and path."""
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=PREFIX)
        return descriptor, Path(name)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data`."""
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]

    def sync(self, descriptor: int) -> None:
        """Bring the content of a file, or the names in a folder, to the disk."""
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or folder another name, in place of what has that name."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        """Take a name away, if it is there."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Make a folder, if it is not there."""
        path.mkdir(exist_ok=True)

    def stamp(self, path: Path, seconds: int) -> None:
        """Set the times of a file."""
        os.utime(path, (seconds, seconds), follow_symlinks=False)


PREFIX = ".algo-"
DISK = Disk()
