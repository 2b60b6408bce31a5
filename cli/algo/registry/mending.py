"""A layout of the embedded store whose `index.json` is damaged gets another one, from its blobs.

The manifests are all there, and the index of a version says which version it is. A publish that was
cut off leaves an index that says the same without having become a version: what this machine has
seen of a name decides, where it has seen any.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from algo.oci.digest import Digest
from algo.oci.errors import BadDigest, BadDocument
from algo.oci.manifest import MAX_MANIFEST, media_type_of
from algo.oci.media_types import INDEXES
from algo.registry.documents import read_head
from algo.registry.errors import StoreDamaged
from algo.registry.layout import LAYOUT, LayoutStore
from algo.registry.listing import Listing
from algo.storage.disk import DISK
from algo.storage.files import locked, write_whole
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from algo.registry.documents import Head
    from algo.storage.disk import Disk

VERSION = "org.opencontainers.image.version"
_FORM = re.compile(r"[0-9][0-9A-Za-z.-]{0,127}")


class Mended(Value, frozen=True):
    """A name whose index was made anew: the versions that it has again, and those that it lacks."""

    repository: str
    versions: tuple[str, ...]
    lost: tuple[str, ...]


def damaged(store: LayoutStore) -> list[str]:
    """Return the names whose index cannot be read, or is gone while its blobs are there."""
    found = []
    for repository in store.names():
        try:
            store.listing(repository)
        except StoreDamaged:
            found.append(repository)
    return found


def mend(
    store: LayoutStore,
    repository: str,
    seen: Mapping[str, frozenset[Digest]],
    *,
    disk: Disk = DISK,
) -> Mended:
    """Write the index of `repository` anew.

    Args:
        store: The store.
        repository: The name.
        seen: What this machine knows of the name: the digests that a version had.
        disk: What it is written with.
    """
    folder = store.folder(repository)
    scratch = folder / "ingest"
    scratch.mkdir(exist_ok=True)
    if not (folder / "oci-layout").is_file():
        write_whole(folder / "oci-layout", [LAYOUT], scratch, disk=disk)
    with locked(folder / "oci-layout"):
        blobs = folder / "blobs" / "sha256"
        heads = {head.descriptor.digest: head for head in _heads(blobs)}
        tags = _tags(heads, blobs, seen)
        listing = Listing()
        for digest, head in heads.items():
            listing = listing.with_entry(head, tags.get(digest, ""))
        index = folder / "index.json"
        if index.is_dir():
            index.rename(folder / f"index.json.{time.time_ns()}")
        write_whole(index, [listing.encoded()], scratch, disk=disk)
    versions = set(tags.values())
    return Mended(repository, tuple(sorted(versions)), tuple(sorted(set(seen) - versions)))


def _heads(blobs: Path) -> Iterator[Head]:
    """Yield the manifests among the blobs that are what their name says."""
    for path in sorted(blobs.iterdir()):
        with suppress(BadDigest, BadDocument, OSError):
            digest = Digest(path.name)
            if path.stat().st_size > MAX_MANIFEST:
                continue
            data = path.read_bytes()
            if data[:1] == b"{" and Digest.of(data) == digest:
                yield read_head(data, media_type_of(data))


def _tags(
    heads: Mapping[Digest, Head], blobs: Path, seen: Mapping[str, frozenset[Digest]]
) -> dict[Digest, str]:
    """Return which of the indexes is which version; none where two say that they are it."""
    claims: dict[str, list[Digest]] = {}
    for digest, head in heads.items():
        version = head.descriptor.annotations.get(VERSION, "")
        whole = all((blobs / child.digest.hex).is_file() for child in head.children)
        known = not seen or digest in seen.get(version, ())
        if head.descriptor.media_type in INDEXES and _FORM.fullmatch(version) and whole and known:
            claims.setdefault(version, []).append(digest)
    return {found[0]: version for version, found in claims.items() if len(found) == 1}
