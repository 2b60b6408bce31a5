"""What conda environments are made from, in terms of whoever makes room."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from algo.storage.held import Held, unused
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, half_removed, is_unused, remove_folder, written
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.resources import Folders

ARCHIVES, PACKAGES, LOCKS, REPODATA = "archives", "packages", "locks", "repodata"
_MARK = "in-use"


def home_of(folders: Folders) -> Path:
    """Return the folder of all that is kept for conda environments."""
    return folders.cache / "conda"


@contextmanager
def using(folders: Folders) -> Iterator[Path]:
    """Give `home_of`, from which nothing is removed while the block runs."""
    home = home_of(folders)
    home.mkdir(parents=True, exist_ok=True)
    mark, held = home / _MARK, Held()
    mark.touch()
    try:
        held.hold(mark)
        yield home
    finally:
        held.let_go()


class CondaFiles(Value, frozen=True):
    """Archives by their digest, the same unpacked, lists of channels, and locks."""

    folders: Folders

    def items(self) -> list[Item]:
        """Return them, with what killed commands left."""
        home = home_of(self.folders)
        found = [path for part in (ARCHIVES, PACKAGES, LOCKS) for path in _in(home / part)]
        found += [home / REPODATA] if (home / REPODATA).is_dir() else []
        kept = "" if is_unused(home / _MARK) or not (home / _MARK).exists() else IN_USE
        return [self._item(path, kept) for path in found]

    def remove(self, item: Item) -> str:
        """Remove one, unless an environment is being made."""
        with unused(home_of(self.folders) / _MARK) as free:
            if not free and not item.unfindable:
                return IN_USE
            remove_folder(item.paths[0])
        return ""

    def _item(self, path: Path, kept: str) -> Item:
        lost = bool(half_removed([path]))
        return Item(
            "conda packages",
            f"{path.parent.name}/{path.name}",
            written(path),
            (path,),
            "" if lost else kept,
            unfindable=lost,
        )


def _in(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.glob("*")) if path.is_dir()]
    return [path for path in found if not path.name.startswith(".") or half_removed([path])]
