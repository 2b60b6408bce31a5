"""Layers of large models, which are put together from the weights whenever they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.events import Step, silent
from algo.images.cache import Cache
from algo.images.docker_archive import archive
from algo.images.image import Layer, LayerKind
from algo.images.layer import ensure_layer, find_joined, make_joined, members
from algo.images.tree import Entry
from algo.oci.digest import Digest
from algo.project.project import Project
from algo.registry.errors import BlobCorrupted
from algo.registry.layout import LayoutStore

from tests.fakes.images import FakeImageEngine
from tests.unit.images.projects import builder, lock, project, runtimes

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Event


def entries(folder: Path) -> list[Entry]:
    folder.mkdir(exist_ok=True)
    for name, size in (("a.bin", 3_000_000), ("b/c.bin", 512), ("empty", 0)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(size))
    names = ("b/c.bin", "a.bin", "empty")
    return [Entry(f"opt/algo/app/models/m/{name}", folder / name) for name in names]


def joined(folder: Path) -> Layer:
    files = entries(folder / "weights")
    return make_joined(Cache(folder / "cache"), LayerKind.MODEL, "m", "inputs", files)


def test_a_joined_layer_is_the_same_as_a_written_one(tmp_path: Path) -> None:
    files = entries(tmp_path / "weights")
    cache = Cache(tmp_path / "cache")
    made = make_joined(cache, LayerKind.MODEL, "m", "inputs", files)
    written = ensure_layer(
        Cache(tmp_path / "other"), LayerKind.MODEL, "m", "inputs", lambda: files, compress=False
    )

    assert (made.descriptor, made.diff_id) == (written.descriptor, written.diff_id)
    assert made.unpacked == written.unpacked
    pieces = list(made.pieces())
    assert b"".join(pieces) == written.blob.read_bytes()
    assert all(pieces)  # an empty one is the end to whoever sends them
    assert not made.blob.exists()
    ours, theirs = ([one.name for one, _ in members(layer)] for layer in (made, written))
    assert ours == theirs


def test_the_same_inputs_are_not_read_again(tmp_path: Path) -> None:
    files = entries(tmp_path / "weights")
    cache = Cache(tmp_path / "cache")
    assert find_joined(cache, LayerKind.MODEL, "m", "inputs", files) is None
    first = make_joined(cache, LayerKind.MODEL, "m", "inputs", files)
    files[0].source.unlink()  # type: ignore[union-attr]
    again = find_joined(cache, LayerKind.MODEL, "m", "inputs", files)

    assert again is not None
    assert (first.reused, again.reused) == (False, True)
    assert again.descriptor == first.descriptor


def test_the_store_gets_the_bytes_and_notices_a_file_that_changed(tmp_path: Path) -> None:
    layer = joined(tmp_path)
    store = LayoutStore(tmp_path / "store", linkable=tmp_path / "cache")
    moved = store.push_blob("acme/m", layer.descriptor, layer.source, notify=silent)
    assert moved.how == "sent"
    blob = store.folder("acme/m") / "blobs" / "sha256" / layer.descriptor.digest.hex
    assert Digest.of_file(blob) == layer.descriptor.digest

    (tmp_path / "weights" / "a.bin").write_bytes(bytes(3_000_000))
    with pytest.raises(BlobCorrupted):
        store.push_blob("acme/other", layer.descriptor, layer.source, notify=silent)


def test_a_large_model_is_on_the_disk_once(tmp_path: Path) -> None:
    root = project(tmp_path / "p").root
    with (root / "models" / "small.bin").open("wb") as file:
        file.truncate(40 << 20)
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())
    told: list[Event] = []
    image = made.build(Project.open(root), lock(), notify=told.append)
    made.build(Project.open(root), lock(), notify=told.append)

    assert told.count(Step("Reading the model small: 41.9 MB")) == 1
    (model,) = [layer for layer in image.layers if layer.kind is LayerKind.MODEL]
    assert not model.blob.exists()
    assert sum(path.stat().st_size for path in (tmp_path / "c").rglob("*")) < 1 << 20
    packed = sum(map(len, archive([image])))
    assert packed > model.descriptor.size > 40 << 20
