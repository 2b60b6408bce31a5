"""Versions that were unpacked to run without a container, in terms of whoever makes room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.resources import runs
from algo.storage.held import Held, unused
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, half_removed, is_unused, remove_folder, written
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path


def use(folder: Path, held: Held) -> None:
    """Note that the version unpacked at `folder`, or about to be, is used by this process."""
    mark = _mark(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    while True:
        mark.touch()
        if held.hold(mark):
            return


class Unpacked(Value, frozen=True):
    """Versions below `home`, by their digest; who runs one holds the file beside it."""

    home: Path

    def items(self) -> list[Item]:
        """Return them, with what killed commands left."""
        folders = [path for path in sorted(self.home.glob("*")) if path.is_dir()]
        folders += half_removed(self.home.glob(".*"))
        return [self._item(path) for path in folders]

    def remove(self, item: Item) -> str:
        """Remove one, unless a program runs in it."""
        folder = item.paths[0]
        if item.unfindable:
            remove_folder(folder)
            return ""
        mark = _mark(folder)
        mark.touch()
        with unused(mark) as free:
            if not free:
                return IN_USE
            remove_folder(folder)
            mark.unlink(missing_ok=True)
        return ""

    def _item(self, path: Path) -> Item:
        pid, dash, _ = path.name.partition("-")
        made_by = int(pid) if dash and pid.isdigit() else 0
        lost = path.name.startswith(".") or bool(made_by and not runs(made_by))
        mark = _mark(path)
        held = (made_by and not lost) or (mark.exists() and not is_unused(mark))
        used = written(mark) or path.lstat().st_ctime
        kept = IN_USE if held else ""
        return Item("unpacked versions", path.name, used, (path,), kept, unfindable=lost)


def _mark(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.used")
