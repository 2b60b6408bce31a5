"""Documents that somebody made to do harm, in a registry that hands out whatever it is told to."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import DescriptorDocument, ImageManifest, Index, decode, encode
from algo.oci.media_types import CONFIG, INDEX, LAYER, MANIFEST
from algo.registry.copy import copy_version
from algo.registry.documents import read_head
from algo.registry.errors import BlobCorrupted
from algo.registry.layout import LayoutStore

from tests.contract.registry.content import NAME, blob
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = b"{}"


def described(data: bytes, kind: str, size: int | None = None) -> DescriptorDocument:
    found = Descriptor(kind, Digest.of(data), len(data) if size is None else size)
    return DescriptorDocument.of(found)


def image(*layers: DescriptorDocument) -> bytes:
    config = described(EMPTY, CONFIG)
    return encode(
        ImageManifest(schema_version=2, media_type=MANIFEST, config=config, layers=layers)
    )


def index(*children: DescriptorDocument, note: str = "") -> bytes:
    annotations = {"note": note}
    return encode(
        Index(schema_version=2, media_type=INDEX, manifests=children, annotations=annotations)
    )


def offering(registry: MemoryRegistry, data: bytes, kind: str = INDEX) -> str:
    """Have the registry hand out `data`, unchecked, and return its digest."""
    digest = Digest.of(data)
    registry.repository(NAME).manifests[digest] = (data, kind)
    return str(digest)


@pytest.fixture
def registry() -> MemoryRegistry:
    found = MemoryRegistry()
    found.push_blob(NAME, blob(EMPTY, CONFIG), EMPTY, notify=silent)
    return found


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "store")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 2_000_000,
        b'{"manifests":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"x","size":1}]}',
        b'{"schemaVersion":2,"manifests":[' + b"null," * 100_000 + b"null]}",
        b"\xff" * 1000,
        b"x" * ((4 << 20) + 1),
        described(EMPTY, MANIFEST).digest.encode(),
    ],
    ids=["deep list", "deep object", "bad digest", "nulls", "bytes", "huge", "no object"],
)
@pytest.mark.parametrize("kind", [INDEX, MANIFEST])
def test_a_document_that_is_none_is_refused_by_name(data: bytes, kind: str) -> None:
    with pytest.raises(BadDocument):
        read_head(data, kind)


@pytest.mark.parametrize("size", [-1, 1 << 60, "1", 1.5, None])
def test_a_size_that_cannot_be_is_refused(size: object) -> None:
    entry = {"mediaType": MANIFEST, "digest": str(Digest.of(b"")), "size": size}
    data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
    with pytest.raises(BadDocument):
        read_head(data, INDEX)


@pytest.mark.parametrize("size", [1, 50, 1 << 40])
def test_a_layer_of_another_size_than_was_said_is_not_stored(
    registry: MemoryRegistry, store: LayoutStore, size: int
) -> None:
    registry.push_blob(NAME, blob(b"a layer"), b"a layer", notify=silent)
    manifest = image(described(b"a layer", LAYER, size))
    top = index(described(manifest, MANIFEST))
    offering(registry, manifest, MANIFEST)
    digest = offering(registry, top)
    with pytest.raises(BlobCorrupted):
        copy_version(registry, NAME, digest, store, NAME, tag="1.0.0", notify=silent)
    assert store.tags(NAME) == []
    assert not store.has_blob(NAME, Digest.of(b"a layer"))


def test_indexes_in_indexes_end_at_some_depth(registry: MemoryRegistry, store: LayoutStore) -> None:
    data = image()
    offering(registry, data, MANIFEST)
    kind = MANIFEST
    for _ in range(50):
        data, kind = index(described(data, kind)), INDEX
        offering(registry, data)
    with pytest.raises(BadDocument, match="too many parts"):
        copy_version(registry, NAME, str(Digest.of(data)), store, NAME, notify=silent)


class Endless(MemoryRegistry):
    """Makes each manifest when it is asked for one: a megabyte of notes."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.made = {str(Digest.of(self.make(number))): number for number in range(count)}

    def make(self, number: int) -> bytes:
        return index(note=f"{number:04}" * (1 << 18))

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        if tag_or_digest not in self.made:
            return super().get_manifest(repository, tag_or_digest)
        data = self.make(self.made[tag_or_digest])
        return data, Descriptor(INDEX, Digest.of(data), len(data))


def test_a_version_of_many_large_manifests_takes_bounded_memory(store: LayoutStore) -> None:
    endless = Endless(200)
    children = (Descriptor(INDEX, Digest.parse(digest), 1 << 20) for digest in endless.made)
    top = offering(endless, index(*map(DescriptorDocument.of, children)))
    tracemalloc.start()
    with pytest.raises(BadDocument, match="too many parts"):
        copy_version(endless, NAME, top, store, NAME, notify=silent)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 120 << 20


def test_a_document_with_unknown_fields_is_read(registry: MemoryRegistry) -> None:
    assert decode(image().replace(b"{", b'{"new":[{}],', 1), ImageManifest).layers == ()
    assert registry.tags(NAME) == []
