"""The files that a lock has beside it, attached to a version and found again by their digests."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from algo.oci import media_types
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageManifest, decode
from algo.project.errors import LockInvalid
from algo.project.lock import parse, replace_file
from algo.trust.errors import BlobMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.project.lock import Lock
    from algo.project.project import Project
    from algo.trust.interface import Repository

_MOST_BYTES = 64 << 20


def read_files(project: Project, lock: Lock) -> dict[str, bytes]:
    """Return what lies beside `lock` in a project, by name."""
    return {name: (project.root / name).read_bytes() for name in sorted(lock.files)}


def fetch_lock(text: str, repository: Repository, index: Digest, home: Path) -> Lock:
    """Read the lock of the version `index`, with the files that belong to it in a folder of `home`.

    They are taken by the digests in the lock, which the release is signed with.

    Raises:
        LockInvalid: The lock cannot be read.
        BlobMissing: A file is not there.
    """
    lock = parse(text)
    if not lock.files:
        return lock
    folder = home / hashlib.sha256(text.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    attached = _attached(repository, index)
    for name, digest in lock.files.items():
        if "/" in name or name.startswith("."):
            raise LockInvalid(f"algo.lock names a file {name!r} beside it, which is no name")
        layer = attached.get(digest)
        if layer is None or layer.size > _MOST_BYTES:
            raise BlobMissing(f"the version lacks {name}, which its lock names")
        content = b"".join(repository.blob(layer))
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise BlobMissing(f"{name} of the version is not the one that its lock names")
        replace_file(folder / name, content)
    return parse(text, folder)


def _attached(repository: Repository, index: Digest) -> dict[str, Descriptor]:
    """Return what is attached to `index` of files beside locks, by digest."""
    found: dict[str, Descriptor] = {}
    for referrer in repository.referrers(index):
        try:
            manifest = decode(repository.manifest(referrer.digest), ImageManifest)
            layers = [layer.value() for layer in manifest.layers]
        except (BadDocument, BlobMissing):
            continue
        found |= {str(one.digest): one for one in layers if one.media_type == media_types.LOCK_FILE}
    return found


@contextmanager
def lock_kept(project: Project, beside: Iterable[str]) -> Iterator[None]:
    """Put `algo.lock` back as it was: what only looks may have to resolve, and keeps nothing."""
    paths = [project.lock_path, *(project.root / name for name in beside)]
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif path.read_bytes() != content:
                path.write_bytes(content)
