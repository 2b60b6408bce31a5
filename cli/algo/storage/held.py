"""Files that a process uses, so that no other one removes them as unused.

A shared lock on the file itself says so. It ends with the process, however that ends, it needs no
list that could be wrong, and it is one with the file through every name that it has.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Descriptors are few: 1024 by default. Who uses more files than this at once has other trouble.
_MOST = 256


class Held:
    """What one process uses; safe for many threads."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], int] = {}
        self._lock = threading.Lock()

    def hold(self, path: Path) -> bool:
        """Keep the file at `path` until this process ends; False when there is none."""
        while True:
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError):
                return False
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            # Somebody may have removed or replaced it while we waited.
            if _same(descriptor, path):
                self._keep(descriptor)
                return True
            os.close(descriptor)

    def hold_open(self, descriptor: int) -> None:
        """Keep a file that is open, before it gets the name that others see."""
        own = os.dup(descriptor)
        fcntl.flock(own, fcntl.LOCK_SH)
        self._keep(own)

    def let_go(self) -> None:
        """Keep nothing any longer."""
        with self._lock:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()

    def __del__(self) -> None:
        """Keep nothing any longer."""
        self.let_go()

    def _keep(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino)
        with self._lock:
            if key in self._open:
                os.close(descriptor)
                return
            self._open[key] = descriptor
            while len(self._open) > _MOST:
                os.close(self._open.pop(next(iter(self._open))))


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """Tell whether nobody holds the file at `path`; while the block runs nobody can begin to."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield _same(descriptor, path)
    finally:
        os.close(descriptor)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


PROCESS = Held()
