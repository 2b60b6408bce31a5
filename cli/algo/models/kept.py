"""Files of models that were fetched, in terms of whoever makes room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from algo.storage.held import unused
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, changed, is_unused, remove_file, written
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

_WEEK = 7 * 86_400


class ModelFiles(Value, frozen=True):
    """What `ModelCache` keeps below `root`: whole files, notes, and downloads to go on with."""

    root: Path

    def items(self) -> list[Item]:
        """Return them."""
        return [*self._whole(), *self._partial(), *self._notes()]

    def remove(self, item: Item) -> str:
        """Remove one that nobody uses."""
        path = item.paths[0]
        if item.kind != _PARTIAL:
            return remove_file(path)
        lock = _lock(path)
        lock.touch()
        with unused(lock) as free:
            if free:
                path.unlink(missing_ok=True)
        return "" if free else IN_USE

    def _whole(self) -> list[Item]:
        used = self._used()
        return [
            Item(
                "model files",
                path.name,
                max(used.get(path.name, 0.0), changed(path)),
                (path,),
                "" if is_unused(path) else IN_USE,
            )
            for path in sorted((self.root / "sha256").glob("*"))
        ]

    def _partial(self) -> list[Item]:
        old = time.time() - _WEEK
        found = []
        for path in sorted((self.root / "partial").glob("*")):
            if path.suffix == ".lock":
                continue
            lock = _lock(path)
            kept = IN_USE if lock.exists() and not is_unused(lock) else ""
            lost = written(path) < old
            found.append(Item(_PARTIAL, path.name, written(path), (path,), kept, unfindable=lost))
        return found

    def _notes(self) -> list[Item]:
        return [
            Item("notes", f"models/{note.stem}", written(note), (note,))
            for note in sorted((self.root / "notes").glob("*.json"))
        ]

    def _used(self) -> dict[str, float]:
        """Return when a note that names a file was written, by the file's digest."""
        import msgspec

        class Note(msgspec.Struct):
            sha256: str = ""

        found: dict[str, float] = {}
        for note in (self.root / "notes").glob("*.json"):
            try:
                digest = msgspec.json.decode(note.read_bytes(), type=Note).sha256
            except (OSError, msgspec.MsgspecError):
                continue
            found[digest] = max(found.get(digest, 0.0), written(note))
        return found


_PARTIAL = "unfinished downloads"


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
