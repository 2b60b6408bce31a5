"""What lies in the embedded store and no version names, and how it is removed.

A publish that was cut off leaves blobs; a build or a pull by digest leaves manifests without a
tag. Whoever brings or uses such a thing holds it (`storage.held`); the removing is done under the
layout's lock, first from the index and then from the disk, so that at no moment a listed manifest
lacks a part.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.oci.errors import BadDigest, BadDocument
from algo.oci.manifest import MAX_MANIFEST
from algo.registry.documents import read_head
from algo.registry.errors import StoreDamaged
from algo.registry.listing import read_listing, tag_of
from algo.storage.disk import DISK
from algo.storage.files import locked, write_whole
from algo.storage.held import unused
from algo.storage.interface import Item
from algo.storage.kinds import IN_USE, changed, is_unused
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.manifest import DescriptorDocument
    from algo.registry.layout import LayoutStore
    from algo.registry.listing import Listing
    from algo.storage.disk import Disk

VERSIONS = "versions"
UNTAGGED = "untagged images"
ORPHANS = "parts that nothing names"
_DAY = 86_400
_MINUTE = 60


class Garbage(Value, frozen=True):
    """The embedded store, in terms of whoever makes room.

    Args:
        store: The store.
        disk: What it is written with.
    """

    store: LayoutStore
    disk: Disk = DISK

    def items(self) -> list[Item]:
        """Return the versions of each name, what has no tag, and parts that nothing names."""
        found: list[Item] = []
        for repository in self.store.names():
            try:
                found += self._in(repository)
            except StoreDamaged:
                folder = self.store.folder(repository)
                why = "a name is damaged: algo doctor --fix"
                found.append(
                    Item(VERSIONS, repository, changed(folder), (folder,), why, cache=False)
                )
        return found

    def remove(self, item: Item) -> str:
        """Remove what has no tag, or nothing names, unless somebody uses it by now."""
        if item.kind == VERSIONS:
            return item.kept
        repository, _, digest = item.name.partition("@")
        folder = self.store.folder(repository)
        with locked(folder / "oci-layout"):
            layout = _Layout(folder)
            if not digest:
                return self._drop(layout.orphans() & set(item.paths))
            parts = layout.parts_of({digest})
            root = layout.blob(digest)
            if digest in layout.kept():
                return "a version names it"
            with unused(root) as free:
                if not free:
                    return IN_USE
                left = layout.without(digest)
                target = folder / "index.json"
                write_whole(target, [left.encoded()], folder / "ingest", disk=self.disk)
                root.unlink(missing_ok=True)
            return self._drop({layout.blob(one) for one in parts} & _Layout(folder).orphans())

    def _drop(self, paths: set[Path]) -> str:
        left = 0
        for path in sorted(paths):
            with unused(path) as free:
                if free:
                    path.unlink(missing_ok=True)
                else:
                    left += path.exists()
        return IN_USE if left and left == len(paths) else ""

    def _in(self, repository: str) -> list[Item]:
        folder = self.store.folder(repository)
        self.store.listing(repository)  # raises where it is damaged
        layout = _Layout(folder)
        kept = layout.kept()
        named = tuple(layout.blob(one) for one in kept if layout.blob(one).exists())
        used = max((changed(path) for path in named), default=changed(folder))
        why = "published or pulled versions stay"
        found = [Item(VERSIONS, repository, used, named, why, cache=False)] if named else []
        for entry in layout.roots():
            path = layout.blob(entry.digest)
            parts = layout.parts_of({entry.digest}) - kept
            paths = tuple(one for part in parts if (one := layout.blob(part)).exists())
            state = "" if is_unused(path) else IN_USE
            name = f"{repository}@{entry.digest}"
            found.append(Item(UNTAGGED, name, changed(path), paths, state))
        old, young = layout.by_age(time.time() - _DAY)
        for paths, lost in ((old, True), (young, False)):
            if paths:
                latest = max(changed(path) for path in paths)
                state = "" if any(is_unused(path) for path in paths) else IN_USE
                item = Item(ORPHANS, repository, latest, paths, state, unfindable=lost)
                found.append(item)
        return found


class _Layout:
    """A layout as it is now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listing: Listing = read_listing(folder / "index.json")
        self._heads: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._about: dict[str, list[str]] = {}
        for entry in self._listing.entries:
            subject, _ = self._head(entry.digest, entry.media_type)
            if subject:
                self._about.setdefault(subject, []).append(entry.digest)

    def blob(self, digest: str) -> Path:
        """Return where a blob lies."""
        return self._folder / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def kept(self) -> set[str]:
        """Return the digests of all that a tagged manifest names, or that refers to it."""
        return self.parts_of({one.digest for one in self._listing.entries if tag_of(one)})

    def roots(self) -> list[DescriptorDocument]:
        """Return the entries without a tag that no other entry leads to."""
        kept = self.kept()
        entries = [one for one in self._listing.entries if one.digest not in kept]
        below: set[str] = set()
        for entry in entries:
            below |= self.parts_of({entry.digest}) - {entry.digest}
        return [one for one in entries if one.digest not in below]

    def parts_of(self, digests: set[str]) -> set[str]:
        """Return `digests`, all that they name, and all that refers to any of it."""
        found: set[str] = set()
        waiting = list(digests)
        while waiting:
            digest = waiting.pop()
            if digest in found:
                continue
            found.add(digest)
            waiting += self._about.get(digest, ())
            waiting += self._head(digest)[1]
        return found

    def without(self, digest: str) -> Listing:
        """Return the listing without an entry and what it alone leads to."""
        entries = {one.digest for one in self._listing.entries}
        parts = self.parts_of({digest})
        used = {one for one in entries & parts - {digest} if not is_unused(self.blob(one))}
        stay = self.parts_of(entries - parts | used) | self.kept()
        gone = parts - stay
        return self._listing.without(gone | {digest})

    def orphans(self) -> set[Path]:
        """Return the files that no listed manifest leads to."""
        named = self.parts_of({one.digest for one in self._listing.entries})
        blobs = self._folder.glob("blobs/sha256/*")
        known = {one.removeprefix("sha256:") for one in named}
        left = {path for path in blobs if path.name not in known}
        # What is being begun has no lock yet.
        young = time.time() - _MINUTE
        scratch = (path for path in self._folder.glob("ingest/.algo-*") if changed(path) < young)
        return left | set(scratch)

    def by_age(self, old: float) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Return the orphans that were there at the time `old`, and the later ones."""
        found = sorted(self.orphans())
        before = tuple(path for path in found if changed(path) < old)
        return before, tuple(path for path in found if path not in set(before))

    def _head(self, digest: str, media_type: str = "") -> tuple[str, tuple[str, ...]]:
        """Return the subject of a manifest and what it names; nothing for what is none."""
        known = self._heads.get(digest)
        if known is None:
            known = self._heads[digest] = self._read(digest, media_type)
        return known

    def _read(self, digest: str, media_type: str) -> tuple[str, tuple[str, ...]]:
        try:
            path = self.blob(str(Digest.parse(digest)))
            if path.stat().st_size > MAX_MANIFEST:
                return "", ()
            data = path.read_bytes()
            head = read_head(data, media_type or self._type_of(digest, data))
        except (OSError, BadDocument, BadDigest):
            return "", ()
        named = tuple(str(one.digest) for one in (*head.children, *head.blobs))
        return str(head.subject) if head.subject else "", named

    def _type_of(self, digest: str, data: bytes) -> str:
        from algo.oci.manifest import media_type_of

        entry = self._listing.find(digest)
        if entry is not None:
            return entry.media_type
        # A small blob of JSON may look like a manifest that is not listed.
        return media_type_of(data) if data[:1] == b"{" else ""
