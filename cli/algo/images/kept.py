"""What images are made from, in the cache: layers, notes, unfinished work."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from algo.images.cache import leftovers
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, changed, is_unused, remove_file, remove_folder, written
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.resources import Folders

_DAY = 86_400
# The folders of notes, and what the blobs are that they speak of.
NOTES = {
    "runtimes": "runtime images",
    "layers": "layers",
    "compiled": "compiled packages",
    "files": "notes",
    "loaded": "notes",
}
# Notes that speak of no blob.
_LOOSE = ("mounts", "unchanged")
FOLDERS = frozenset({*NOTES, *_LOOSE, "blobs", "tmp", "steps"})


class Layers(Value, frozen=True):
    """Blobs; one was used last when a note about it was."""

    root: Path

    def items(self) -> list[Item]:
        """Return them, with what no note speaks of: a config, or what another version made."""
        noted = self._noted()
        old = time.time() - _DAY
        found = []
        for path in sorted((self.root / "blobs" / "sha256").glob("*")):
            kind, used = noted.get(path.name, ("layers", 0.0))
            lost = not used and changed(path) < old
            kept = "" if is_unused(path) else IN_USE
            item = Item(kind, path.name, used or changed(path), (path,), kept, unfindable=lost)
            found.append(item)
        return found

    def remove(self, item: Item) -> str:
        """Remove one that nobody uses."""
        return remove_file(item.paths[0])

    def _noted(self) -> dict[str, tuple[str, float]]:
        """Return kind and last use by the digests that notes speak of."""
        found: dict[str, tuple[str, float]] = {}
        for note in _notes(self.root):
            used = written(note)
            kind = NOTES[note.parent.name]
            for digest in _digests(note):
                before = found.get(digest, (kind, 0.0))
                found[digest] = (before[0], max(before[1], used))
        return found


class Notes(Value, frozen=True):
    """What is remembered of inputs, also of layers that have no blob (large models)."""

    root: Path

    def items(self) -> list[Item]:
        """Return them."""
        found = []
        for note in _notes(self.root):
            name = f"{note.parent.name}/{note.stem}"
            found.append(Item("notes", name, written(note), (note,)))
        for kind in _LOOSE:
            for note in sorted((self.root / kind).glob("*.json")):
                found.append(Item("notes", f"{kind}/{note.stem}", written(note), (note,)))
        return found

    def remove(self, item: Item) -> str:
        """Remove one: what it says can be found out again."""
        item.paths[0].unlink(missing_ok=True)
        return ""


class Unfinished(Value, frozen=True):
    """Folders of builds that run, and of those that were killed."""

    folders: Folders

    def items(self) -> list[Item]:
        """Return them."""
        dead = set(leftovers(self.folders))
        return [
            Item(
                "unfinished work",
                path.name,
                written(path),
                (path,),
                "" if path in dead else IN_USE,
                unfindable=path in dead,
            )
            for path in sorted((self.folders.cache / "tmp").glob("*"))
        ]

    def remove(self, item: Item) -> str:
        """Remove one whose process is gone."""
        remove_folder(item.paths[0])
        return ""


def _notes(root: Path) -> list[Path]:
    return sorted(note for kind in NOTES for note in (root / kind).glob("*.json"))


def _digests(note: Path) -> list[str]:
    """Return the digests of blobs in a note; what a layer unpacks to is none."""
    try:
        text = note.read_bytes()
    except OSError:
        return []
    named = re.findall(rb'"digest":\s*"sha256:([0-9a-f]{64})"', text)
    return [digest.decode() for digest in named]
