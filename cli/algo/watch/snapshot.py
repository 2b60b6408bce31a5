"""What the files of a project hold, so that only a change of content counts as one."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from msgspec import field

from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from algo.watch.ignore import IgnoreRules

# Larger files (weights) are told apart by size, time and number: reading them would cost seconds.
HASHED_UP_TO = 4 << 20
_EMPTY = hashlib.blake2b(b"", digest_size=16).digest()


class Snapshot(Record):
    """The last seen content of each watched file below `root`."""

    root: Path
    rules: IgnoreRules
    _seen: dict[str, bytes] = field(default_factory=dict)

    def take(self) -> None:
        """Look at every file that is not ignored."""
        self._seen = {path: mark for path in self._walk() if (mark := _mark(self.root / path))}

    def changed(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those of `paths` whose content is not what was last seen, and remember it.

        A path that is a folder stands for the files below it, now and before; deleted files
        count as changed.
        """
        found = []
        for path in sorted(self._expand(paths)):
            if self.rules.ignores(path):
                continue
            mark = _mark(self.root / path)
            if mark == self._seen.get(path, b""):
                continue
            if mark:
                self._seen[path] = mark
            else:
                self._seen.pop(path, None)
            found.append(path)
        return tuple(found)

    def misses(self, paths: Iterable[str]) -> bool:
        """Tell whether one of `paths` is a file that was there and is not now, or is empty now.

        To write a file anew, most programs empty it first, or remove it.
        """
        return any(path in self._seen and self._lost(path) for path in paths)

    def _lost(self, path: str) -> bool:
        try:
            emptied = (self.root / path).stat().st_size == 0
        except OSError:
            return True
        return emptied and self._seen[path] != _EMPTY

    def _expand(self, paths: Iterable[str]) -> set[str]:
        files: set[str] = set()
        for path in paths:
            below = path + "/" if path else ""
            if (self.root / path).is_dir():
                files.update(self._walk(path))
            if path and (path in self._seen or not (self.root / path).is_dir()):
                files.add(path)  # a file, also one whose place a folder took
            files.update(name for name in self._seen if name.startswith(below) and below)
            if not path:
                files.update(self._seen)
        return files

    def _walk(self, start: str = "") -> Iterator[str]:
        if start and self.rules.ignores(start, folder=True):
            return
        try:
            with os.scandir(self.root / start) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError:  # the folder went away, or is not ours to read
            return
        for entry in children:
            path = f"{start}/{entry.name}" if start else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            elif not self.rules.ignores(path):
                yield path


def _mark(path: Path) -> bytes:
    """Return what identifies the file's content, empty when there is no such file."""
    try:
        status = path.stat()
        if not path.is_file():
            return b""
        if status.st_size > HASHED_UP_TO:
            return b"%d %d %d" % (status.st_size, status.st_mtime_ns, status.st_ino)
        return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    except OSError:
        return b""
