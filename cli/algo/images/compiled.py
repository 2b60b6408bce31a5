"""Compiled packages, kept by their source: no project compiles what another one has.

A package here is a file or folder at the top of an installed tree. What it compiles to depends on
its source, on the Python that compiles and on where it will lie, and on nothing beside it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from algo.images.compile_each import sources
from algo.images.tree import Entry
from algo.oci.digest import Digest
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from algo.images.cache import Cache

NOTES = "compiled"
_FORMAT = "1"


class _Record(msgspec.Struct, frozen=True):
    digest: str
    size: int


class Package(Value, frozen=True):
    """A file or folder that is compiled as a whole.

    Args:
        name: Its path in the tree.
        size: The bytes of its source.
        key: What its compiled files depend on.
    """

    name: str
    size: int
    key: str


class CompiledPackages(Value, frozen=True):
    """What was compiled, in the cache; a file that is not what was kept does not count."""

    cache: Cache

    def has(self, package: Package) -> bool:
        """Tell whether the compiled files of `package` are here; they stay as long as we run."""
        return self._blob(package) is not None

    def entries(self, package: Package, place: str) -> list[Entry] | None:
        """Return the compiled files of `package`, whose tree lies at `place`; None for none."""
        blob = self._blob(package)
        if blob is None:
            return None
        files = msgspec.msgpack.decode(blob.read_bytes(), type=dict[str, bytes])
        return [Entry(f"{place}/{name}", content) for name, content in files.items()]

    def keep(self, package: Package, folder: Path) -> None:
        """Keep the compiled files of `package` that lie in the tree at `folder`."""
        found = sorted(_compiled(folder / package.name))
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
        content = msgspec.msgpack.encode(files)
        digest = self.cache.put(content)
        self.cache.remember(NOTES, package.key, _Record(str(digest), len(content)))

    def _blob(self, package: Package) -> Path | None:
        record = self.cache.recall(NOTES, package.key, _Record)
        if record is None or not self.cache.has(Digest.parse(record.digest), record.size):
            return None
        return self.cache.blob(Digest.parse(record.digest))


def packages(folder: Path, names: Iterable[str], words: str) -> list[Package]:
    """Return those of `names` in the tree at `folder` that have source, the largest first.

    Args:
        folder: An installed tree.
        names: Files and folders in it.
        words: What compiled files depend on besides their source.
    """
    found = (_package(folder, name, words) for name in names)
    return sorted((one for one in found if one.size), key=lambda one: (-one.size, one.name))


def _package(folder: Path, name: str, words: str) -> Package:
    total = hashlib.sha256(f"{_FORMAT}\n{words}\n{name}\n".encode())
    size = 0
    for file in sources(str(folder), name):
        content = (folder / file).read_bytes()
        size += len(content) + 1  # an empty file is compiled, too
        total.update(f"{file}\0{len(content)}\0".encode() + content)
    return Package(name, size, total.hexdigest())


def _compiled(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return path.rglob("*.pyc")
    return (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
