"""Whether anything that a build reads has changed since the last one, by the state of its files.

As in git's index, a file is what it was when inode, mode, size and times are. A clock ticks too
seldom to tell two writes apart that follow each other, so what was written shortly before a look
says nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from algo.images.cache import Cache

NOTES = "unchanged"
# Never in an image, unless an ignore file takes it back with `!`.
_APART = frozenset(
    {
        *(".git", ".venv", "venv", "node_modules", "__pycache__"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache"),
    }
)
_TAKEN_BACK = re.compile(rb"^\s*!", re.MULTILINE)
# In what states requirements: a file that does not lie in the project.
_ELSEWHERE = re.compile(rb"\.\./|^\s*-[rc]\s*/", re.MULTILINE)
_STATING = ("*.in", "*.txt", "*.toml", "*.lock", "*.yml", "*.yaml")
# To look at more of them takes as long as the build's own notes do.
_MOST = 5_000
# FAT has the coarsest clock: two seconds.
_TICK = 2_000_000_000


class Shown(msgspec.Struct, frozen=True):
    """What a build that does nothing shows: `lines` first, then the tables.

    A line is a warning or not. `result` is the document of `--json`, `human` what others see. The
    images are called `tags` in a container engine, or lie in the files `held`; `state` is that of
    all that is read.
    """

    state: str
    lines: tuple[tuple[bool, str], ...]
    tables: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    result: dict[str, object] | list[object]
    human: str
    tags: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_state: str = ""


class Reading(Value, frozen=True):
    """What a build reads: folders and files, and words that change what it makes.

    Args:
        project: The project's folder.
        others: Folders of algo's: its code and its languages.
        words: Options, and variables of the environment.
        cache: Where notes are kept.
    """

    project: Path
    others: tuple[Path, ...]
    words: tuple[str, ...]
    cache: Cache

    def state(self) -> str:
        """Return the state of all of it; empty when it cannot be told from another one."""
        return state((self.project, *self.others), self.words)

    def recall(self, now: str) -> Shown | None:
        """Return what the last build showed, None when its state was not `now`."""
        found = self.cache.recall(NOTES, self._key, Shown) if now else None
        return found if found is not None and found.state == now else None

    def remember(self, shown: Shown) -> None:
        """Keep what a build showed, unless it read what no state tells of."""
        if shown.state and shown.state == self.state() and not reads_elsewhere(self.project):
            self.cache.remember(NOTES, self._key, shown)

    @property
    def _key(self) -> str:
        return "\0".join((str(self.project), *self.words))


def state(places: Iterable[Path], words: Sequence[str] = (), *, tick: int = _TICK) -> str:
    """Return a digest of the state of every file at or below `places`.

    It is empty when a state says nothing: something was written in the last `tick` nanoseconds, a
    link leads to a folder or elsewhere, or there are too many files.
    """
    total, newest, left = hashlib.sha256("\0".join(words).encode()), 0, _MOST
    began = time.time_ns()
    try:
        for place in places:
            for path, status in _files(place):
                left -= 1
                if not left or stat.S_ISDIR(status.st_mode):
                    return ""
                newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
                total.update(
                    f"{path}\0{status.st_mode} {status.st_ino} {status.st_size} "
                    f"{status.st_mtime_ns} {status.st_ctime_ns}\n".encode(errors="surrogateescape")
                )
    except OSError:
        return ""
    return total.hexdigest() if newest < began - tick else ""


def reads_elsewhere(project: Path) -> bool:
    """Tell whether a build of `project` may read files that do not lie in its folder."""
    ignoring = project / ".algoignore"
    if ignoring.is_file() and _TAKEN_BACK.search(ignoring.read_bytes()):
        return True
    stating = (path for pattern in _STATING for path in project.glob(pattern) if path.is_file())
    return any(_ELSEWHERE.search(path.read_bytes()) for path in stating)


def _files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each file, in the same order whenever nothing changed; a link, and what it leads to."""
    if place.is_dir():
        yield from _below(str(place), place.resolve())
    else:
        yield str(place), place.stat()


def _below(folder: str, root: Path) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as scan:
        items = sorted(scan, key=lambda item: item.name)
    for item in items:
        if item.is_symlink():
            # realpath() takes a link that leads to itself, too; stat() below refuses it.
            if not Path(os.path.realpath(item.path)).is_relative_to(root):
                raise OSError(f"{item.path} leads elsewhere")
            yield item.path, item.stat(follow_symlinks=False)
            yield f"{item.path}/", item.stat()
        elif not item.is_dir():
            yield item.path, item.stat()
        elif item.name not in _APART:
            yield from _below(item.path, root)
