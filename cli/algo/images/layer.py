"""Make a layer, or find the one that the same inputs made before."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

import msgspec
from msgspec.structs import replace

from algo.images.image import Layer, LayerKind
from algo.images.tar import COMPRESSOR, LayerWriter, write_layer
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import LAYER, LAYER_GZIP
from algo.storage.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from algo.images.cache import Cache
    from algo.images.tree import Entry
    from algo.storage.tar import Content, Member

_FORMAT = "4"
_NOTES = "layers"


class LayerRecord(msgspec.Struct, frozen=True):
    """What is kept of a layer besides its blob."""

    media_type: str
    digest: str
    size: int
    diff_id: str
    unpacked: int

    def layer(self, cache: Cache, kind: LayerKind, name: str, *, reused: bool) -> Layer:
        """Return the layer that this record is of."""
        digest = Digest.parse(self.digest)
        descriptor = Descriptor(media_type=self.media_type, digest=digest, size=self.size)
        diff_id = Digest.parse(self.diff_id)
        blob = cache.blob(digest)
        return Layer(descriptor, diff_id, kind, name, blob, reused, self.unpacked)

    def whole(self, cache: Cache) -> bool:
        """Tell whether the blob is there."""
        return cache.has(Digest.parse(self.digest), self.size)


def record_of(layer: Layer) -> LayerRecord:
    """Return what is kept of `layer`."""
    found = layer.descriptor
    digest, diff_id = str(found.digest), str(layer.diff_id)
    return LayerRecord(found.media_type, digest, found.size, diff_id, layer.unpacked)


class _Writes(Protocol):
    def __call__(self, writer: LayerWriter) -> None: ...


def find_layer(
    cache: Cache, kind: LayerKind, name: str, inputs: str, *, compress: bool
) -> Layer | None:
    """Return the layer that `inputs` made before, None when it is not in the cache."""
    record = cache.recall(_NOTES, _key(kind, inputs, compress), LayerRecord)
    if record is None or not record.whole(cache):
        return None
    return record.layer(cache, kind, name, reused=True)


def make_layer(
    cache: Cache,
    kind: LayerKind,
    name: str,
    inputs: str,
    entries: Iterable[Entry],
    *,
    compress: bool,
) -> Layer:
    """Write a layer of `entries` and remember that `inputs` made it."""
    layer = write_blob(cache, kind, name, lambda w: write_layer(entries, w), compress=compress)
    cache.remember(_NOTES, _key(kind, inputs, compress), record_of(layer))
    return layer


def find_joined(
    cache: Cache, kind: LayerKind, name: str, inputs: str, entries: Sequence[Entry]
) -> Layer | None:
    """Return the layer that `make_joined` made of `inputs` before, None when it did not."""
    record = cache.recall(_NOTES, _key(kind, inputs, compress=False), LayerRecord)
    if record is None:
        return None
    return replace(record.layer(cache, kind, name, reused=True), entries=tuple(entries))


def make_joined(
    cache: Cache, kind: LayerKind, name: str, inputs: str, entries: Sequence[Entry]
) -> Layer:
    """Return the plain layer of `entries`, which is put together from them when it is read.

    It has no blob in the cache: what is large lies on the disk once. The files are read to find
    the digest, which is remembered.
    """
    writer = LayerWriter(cast("IO[bytes]", _Nowhere()), compress=False)
    write_layer(entries, writer)
    digest = f"sha256:{writer.digest}"
    record = LayerRecord(LAYER, digest, writer.size, digest, writer.unpacked)
    cache.remember(_NOTES, _key(kind, inputs, compress=False), record)
    return replace(record.layer(cache, kind, name, reused=False), entries=tuple(entries))


class _Nowhere:
    """Takes bytes and forgets them."""

    def write(self, data: bytes) -> int:
        """Forget `data`."""
        return len(data)


def ensure_layer(
    cache: Cache,
    kind: LayerKind,
    name: str,
    inputs: str,
    entries: Callable[[], Iterable[Entry]],
    *,
    compress: bool,
) -> Layer:
    """Return the layer that `inputs` made before, or make it of `entries`.

    Args:
        cache: Where blobs and records are.
        kind: What the layer holds.
        name: What to call it.
        inputs: Says completely what goes in: the same text, the same layer.
        entries: Called when the layer must be made.
        compress: Gzip, for what compresses and seldom changes; else a plain tar.
    """
    found = find_layer(cache, kind, name, inputs, compress=compress)
    return found or make_layer(cache, kind, name, inputs, entries(), compress=compress)


def write_blob(
    cache: Cache, kind: LayerKind, name: str, write: _Writes, *, compress: bool
) -> Layer:
    """Store what `write` writes as a layer's blob and return the layer."""
    with cache.scratch() as folder:
        path = folder / "layer"
        with path.open("wb") as file:
            writer = LayerWriter(file, compress=compress)
            write(writer)
        digest = Digest.parse(f"sha256:{writer.digest}")
        reused = cache.has(digest, writer.size)
        if not reused:
            cache.adopt(path, digest)
    kept = LAYER_GZIP if compress else LAYER
    diff_id = f"sha256:{writer.diff_id}"
    record = LayerRecord(kept, str(digest), writer.size, diff_id, writer.unpacked)
    return record.layer(cache, kind, name, reused=reused)


def members(layer: Layer) -> Iterator[tuple[Member, Content]]:
    """Yield the members of a layer in order, each with its content, readable until the next.

    Raises:
        UnsafeArchive: It is no tar, or holds what none should.
    """
    from isal import igzip

    from algo.storage.tar import SYSTEM, read_tar

    reader: Any = igzip
    if layer.entries:
        yield from read_tar(Pieces(layer.pieces()), SYSTEM)
        return
    with layer.blob.open("rb") as blob:
        packed = layer.descriptor.media_type == LAYER_GZIP
        stream = reader.open(blob, "rb") if packed else blob
        yield from read_tar(stream, SYSTEM)


def file_digest(cache: Cache, path: Path) -> str:
    """Return the SHA-256 of a file, in hex, without reading a large one that did not change.

    A file is taken as unchanged when its place, number, size and both its times are the same;
    the change time cannot be set by a program.
    """
    import hashlib

    found = path.stat()
    stamp = f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    if found.st_size >= _LARGE:
        known = cache.recall("files", stamp, _FileRecord)
        if known is not None:
            return known.sha256
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if found.st_size >= _LARGE and after.st_ctime_ns == found.st_ctime_ns:
        cache.remember("files", stamp, _FileRecord(digest))
    return digest


class _FileRecord(msgspec.Struct, frozen=True):
    sha256: str


_LARGE = 16 << 20


def _key(kind: LayerKind, inputs: str, compress: bool) -> str:
    return f"{_FORMAT} {kind} {COMPRESSOR if compress else 'plain'} {inputs}"
