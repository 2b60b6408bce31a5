"""Kinds that need no more knowledge than where they lie."""

from __future__ import annotations

import math
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from algo.storage.held import unused
from algo.storage.interface import Item
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

IN_USE = "in use"
_GONE = ".gone-"


class Files(Value, frozen=True):
    """Files of a folder that can be made again; who uses one holds a lock on it.

    Args:
        kind: What they are.
        folder: Where they are.
        pattern: Which of them.
        life: The seconds without a write after which nobody comes back for one.
    """

    kind: str
    folder: Path
    pattern: str = "*"
    life: float = math.inf

    def items(self) -> list[Item]:
        """Return them."""
        found = []
        oldest = time.time() - self.life
        for path in sorted(self.folder.glob(self.pattern)):
            with suppress(FileNotFoundError):
                if path.is_file():
                    kept, used = "" if is_unused(path) else IN_USE, changed(path)
                    lost = written(path) < oldest
                    item = Item(self.kind, path.name, used, (path,), kept, unfindable=lost)
                    found.append(item)
        return found

    def remove(self, item: Item) -> str:
        """Remove one."""
        return remove_file(item.paths[0])


class Folders(Value, frozen=True):
    """Folders that can be made again; who uses one holds the file beside it (`trees.use_folder`).

    Args:
        kind: What they are.
        home: Where they are.
    """

    kind: str
    home: Path

    def items(self) -> list[Item]:
        """Return them, with what killed commands began to remove."""
        folders = [path for path in sorted(self.home.glob("*")) if path.is_dir()]
        lost = set(half_removed(self.home.glob(".*")))
        return [self._item(path, path in lost) for path in (*folders, *sorted(lost))]

    def remove(self, item: Item) -> str:
        """Remove one, unless a process uses it."""
        folder = item.paths[0]
        mark = folder.with_name(f"{folder.name}.used")
        mark.touch()
        with unused(mark) as free:
            if not free:
                return IN_USE
            remove_folder(folder)
            mark.unlink(missing_ok=True)
        return ""

    def _item(self, path: Path, lost: bool) -> Item:
        mark = path.with_name(f"{path.name}.used")
        kept = IN_USE if mark.exists() and not is_unused(mark) else ""
        used = written(mark) or changed(path)
        return Item(self.kind, path.name, used, (path,), kept, unfindable=lost)


class Precious(Value, frozen=True):
    """Folders that hold what cannot be had again: they are shown, and stay.

    Args:
        kind: What they are.
        folder: Where they are, one folder each.
        why: Why they stay.
    """

    kind: str
    folder: Path
    why: str

    def items(self) -> list[Item]:
        """Return them."""
        return [
            Item(self.kind, path.name, changed(path), (path,), self.why, cache=False)
            for path in sorted(self.folder.glob("*"))
            if path.is_dir()
        ]

    def remove(self, item: Item) -> str:
        """Leave it."""
        return self.why


class Unknown(Value, frozen=True):
    """What lies in a folder and belongs to no kind: of another version of algo, say.

    Args:
        folder: The folder.
        known: The names in it that have a kind.
    """

    folder: Path
    known: frozenset[str]

    def items(self) -> list[Item]:
        """Return it."""
        if not self.folder.is_dir():
            return []
        return [
            Item("other", path.name, changed(path), (path,), f"algo does not know it: rm -r {path}")
            for path in sorted(self.folder.iterdir())
            if path.name not in self.known and path.suffix != ".lock"
        ]

    def remove(self, item: Item) -> str:
        """Leave it."""
        return item.kept


def changed(path: Path) -> float:
    """Return when a file or folder was changed last, by content, name or number of names."""
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return 0.0


def written(path: Path) -> float:
    """Return when a file was written last, 0 when it is gone."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def is_unused(path: Path) -> bool:
    """Tell whether nobody holds the file at `path`."""
    with unused(path) as free:
        return free


def remove_file(path: Path) -> str:
    """Remove a file that nobody holds; return why it stays, empty when it is gone."""
    with unused(path) as free:
        if free:
            path.unlink(missing_ok=True)
            return ""
    return IN_USE if path.exists() else ""


def remove_folder(path: Path) -> None:
    """Remove a folder under another name, so that nobody finds half of it."""
    gone = path.with_name(f"{_GONE}{os.getpid()}-{path.name}")
    with suppress(FileNotFoundError):
        path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def half_removed(paths: Iterable[Path]) -> list[Path]:
    """Return those of `paths` that somebody began to remove, and did not end."""
    return [path for path in paths if path.name.startswith(_GONE)]
