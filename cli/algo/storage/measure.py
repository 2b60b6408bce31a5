"""How much disk files take, each once, however many names it has."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from msgspec import field

from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BLOCK = 512


class Measured(Record):
    """Files by their number on the disk: bytes, names in all, names that were met."""

    files: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    bytes: int = 0
    """What they take."""
    own: int = 0
    """What of it has no name elsewhere, so that removing these names frees it."""

    @property
    def shared(self) -> int:
        """What of it has a name elsewhere, too."""
        return self.bytes - self.own

    def add(self, other: Measured) -> None:
        """Add what another one met."""
        for key, (size, names, met) in other.files.items():
            self.meet(key, size, names, met)

    def meet(self, key: tuple[int, int], size: int, names: int, met: int = 1) -> None:
        """Add a file by its number: `met` of its `names`."""
        known = self.files.get(key)
        if known is None:
            known = self.files[key] = [size, names, 0]
            self.bytes += size
        if known[2] < known[1] <= known[2] + met:
            self.own += size
        known[2] += met


def measure(paths: Iterable[Path]) -> Measured:
    """Return what the files and folders at `paths` take; what is gone takes nothing."""
    found = Measured()
    for status in _all(paths):
        key = (status.st_dev, status.st_ino)
        # A folder has a name for each folder in it, all of which are its own.
        names = 1 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        found.meet(key, status.st_blocks * _BLOCK, names)
    return found


def _all(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    waiting = [os.fspath(path) for path in paths]
    while waiting:
        path = waiting.pop()
        try:
            status = os.lstat(path)
            yield status
            if stat.S_ISDIR(status.st_mode):
                with os.scandir(path) as entries:
                    waiting += [entry.path for entry in entries]
        except OSError:
            continue
