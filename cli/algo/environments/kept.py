"""The environments of the virtualenv engine, in terms of whoever makes room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.environments.virtualenv import unfinished
from algo.storage.held import unused
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, half_removed, is_unused, remove_folder, written
from algo.storage.trees import COMPLETE
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.resources import Folders


class Environments(Value, frozen=True):
    """Environments; who runs in one holds the file that says that it is complete."""

    folders: Folders

    def items(self) -> list[Item]:
        """Return them, unfinished ones included."""
        folders = [path for path in sorted(self._home.glob("*")) if path.is_dir()]
        lost = {*unfinished(self.folders), *half_removed(folders)}
        return [self._item(path, path in lost) for path in folders]

    def remove(self, item: Item) -> str:
        """Remove one, unless a program runs in it."""
        if item.unfindable:
            remove_folder(item.paths[0])
            return ""
        with unused(item.paths[0] / COMPLETE) as free:
            if not free:
                return IN_USE
            remove_folder(item.paths[0])
        return ""

    @property
    def _home(self) -> Path:
        return self.folders.cache / "environments"

    def _item(self, path: Path, lost: bool) -> Item:
        mark = path / COMPLETE
        kept = "" if lost or is_unused(mark) else IN_USE
        used = written(mark) or written(path)
        return Item("environments", path.name, used, (path,), kept, unfindable=lost)
