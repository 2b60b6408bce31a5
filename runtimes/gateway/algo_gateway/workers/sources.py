"""The sources of a project on disk: what is read while an editor writes it may be half of it."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# An editor empties a file and then writes it: one that was touched this lately may be empty still.
_QUIET = 0.03
# Something that is written all the time is not waited for.
_PATIENCE = 0.5
_PAUSE = 0.01
# To look at more would hold up each reload.
_MOST = 5000
_NOT_OURS = frozenset({"node_modules", "__pycache__"})
_Mark = dict[str, tuple[int, int, int]]


class Sources:
    """The files below a folder that end as one of `names` does.

    Args:
        root: The folder.
        names: Paths, or entrypoints (`src/it.py:apply`).
    """

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self._root = root
        self._suffixes = {PurePath(name.partition(":")[0]).suffix for name in names} - {""}
        self._mark: _Mark = {}

    async def settle(self) -> None:
        """Remember the files as they are, once none of them was touched just now."""
        end = time.monotonic() + _PATIENCE
        while True:
            self._mark = await asyncio.to_thread(self._look)
            newest = max((touched for touched, _, _ in self._mark.values()), default=0) / 1e9
            # A time to come is another machine's.
            if not 0 <= time.time() - newest < _QUIET or time.monotonic() > end:
                return
            await asyncio.sleep(_PAUSE)

    async def changed(self) -> bool:
        """Tell whether a file was written, came or went since they were remembered."""
        return await asyncio.to_thread(self._look) != self._mark

    def _look(self) -> _Mark:
        mark: _Mark = {}
        for entry in self._files():
            try:
                found = entry.stat()
            except OSError:
                continue
            mark[entry.path] = (found.st_mtime_ns, found.st_size, found.st_ino)
        return mark

    def _files(self) -> Iterator[os.DirEntry[str]]:
        count, waiting = 0, [str(self._root)]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    children = list(entries)
            except OSError:  # it went away
                continue
            for entry in children:
                count += 1
                if count > _MOST:
                    return
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _NOT_OURS:
                        waiting.append(entry.path)
                elif PurePath(entry.name).suffix in self._suffixes:
                    yield entry
