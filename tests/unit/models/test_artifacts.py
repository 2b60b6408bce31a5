"""Models in registries: artifacts of several tools, and files of images."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.models.artifacts import Artifacts
from algo.models.cache import ModelCache
from algo.models.errors import ModelInvalid, ModelNotFound
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, ImageManifest, Index, encode
from algo.project.models import Remote, parse_source
from algo.registry.errors import BlobCorrupted

from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from algo.project.models import LockedFile

TITLE = "org.opencontainers.image.title"
RAW = "application/octet-stream"
KIT = "application/vnd.kitops.modelkit"
PACK = "application/vnd.cncf.model"


def tar(files: dict[str, bytes | None], *, links: dict[str, str] | None = None) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
        for name, aim in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, aim
            archive.addfile(info)
    return target.getvalue()


class Place:
    """A registry with one repository, `acme/net`."""

    def __init__(self, folder: Path) -> None:
        self.registry = MemoryRegistry()
        self.cache = ModelCache(folder / "models")

    def push(
        self,
        *layers: tuple[str, bytes, dict[str, str]],
        config: str = media_types.EMPTY,
        tag: str = "1",
    ) -> Digest:
        described = []
        for kind, data, notes in ((config, b"{}", {}), *layers):
            descriptor = Descriptor(kind, Digest.of(data), len(data), annotations=notes)
            self.registry.push_blob("acme/net", descriptor, data, notify=silent)
            described.append(DescriptorDocument.of(descriptor))
        manifest = ImageManifest(
            schema_version=2,
            media_type=media_types.MANIFEST,
            config=described[0],
            layers=tuple(described[1:]),
        )
        data = encode(manifest)
        self.registry.push_manifest("acme/net", data, media_types.MANIFEST, tag=tag)
        return Digest.of(data)

    def fetch(self, inside: str = "") -> dict[str, bytes]:
        """Return the content of every file of `oci://…/acme/net:1`."""
        return {file.path: self.cache.path(file.sha256).read_bytes() for file in self.files(inside)}

    def files(self, inside: str = "") -> tuple[LockedFile, ...]:
        origin = Artifacts(lambda host: self.registry)
        source = parse_source("m", f"oci://r.example.com/acme/net:1{inside}", "algo.toml")
        return origin.fetch(source, origin.revision(source), self.cache, notify=silent)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_files_that_oras_pushed(place: Place) -> None:
    folder = gzip.compress(tar({"net/a.bin": b"aaa", "net/b/c.bin": b"c"}))
    place.push(
        (media_types.LAYER, b"weights", {TITLE: "w.bin"}),
        (media_types.LAYER_GZIP, folder, {TITLE: "net", "io.deis.oras.content.unpack": "true"}),
    )

    assert place.fetch() == {"w.bin": b"weights", "net/a.bin": b"aaa", "net/b/c.bin": b"c"}
    assert place.fetch("#net/") == {"a.bin": b"aaa", "b/c.bin": b"c"}
    assert place.fetch("#net/b/c.bin") == {"c.bin": b"c"}


def test_of_a_modelkit_the_model_and_not_its_code_and_data(place: Place) -> None:
    place.push(
        (f"{KIT}.model.v1.tar+gzip", gzip.compress(tar({"net.onnx": b"onnx"})), {}),
        (f"{KIT}.modelpart.v1.tar", tar({"lora.bin": b"lora"}), {}),
        (f"{KIT}.code.v1.tar", tar({"train.py": b"code"}), {}),
        (f"{KIT}.dataset.v1.tar", tar({"data.csv": b"data"}), {}),
        config=f"{KIT}.config.v1+json",
    )

    assert place.fetch() == {"net.onnx": b"onnx", "lora.bin": b"lora"}


def test_of_a_modelpack_its_weights(place: Place) -> None:
    path = {"org.cncf.model.filepath": "model-1.safetensors"}
    place.push(
        (f"{PACK}.weight.v1.raw", b"weights", path),
        (f"{PACK}.weight.config.v1.tar", tar({"config.json": b"{}"}), {}),
        (f"{PACK}.doc.v1.tar", tar({"README.md": b"words"}), {}),
        config=f"{PACK}.config.v1+json",
    )

    assert place.fetch() == {"model-1.safetensors": b"weights", "config.json": b"{}"}


def test_a_folder_of_an_image_as_its_layers_leave_it(place: Place) -> None:
    place.push(
        (media_types.LAYER, tar({"bin/sh": b"sh", "models/a": b"1", "models/gone": b"2",
                                 "models/d/x": b"3", "models/o/x": b"4"}), {}),
        (media_types.LAYER_GZIP, gzip.compress(tar({"models/a": b"new", "models/.wh.gone": None,
                                                    "models/.wh.d": None, "models/o/y": b"5",
                                                    "models/o/.wh..wh..opq": None})), {}),
        config=media_types.CONFIG,
    )  # fmt: skip

    assert place.fetch("#models/") == {"a": b"new", "o/y": b"5"}
    assert place.fetch("#bin/sh") == {"sh": b"sh"}
    with pytest.raises(ModelInvalid) as refused:
        place.fetch()
    assert "#models/" in refused.value.hint


def test_of_an_index_the_first_image(place: Place) -> None:
    digest = place.push((RAW, b"weights", {TITLE: "w.bin"}), tag="other")
    size = len(place.registry.get_manifest("acme/net", "other")[0])
    entry = DescriptorDocument.of(Descriptor(media_types.MANIFEST, digest, size))
    index = encode(Index(schema_version=2, media_type=media_types.INDEX, manifests=(entry,)))
    place.registry.push_manifest("acme/net", index, media_types.INDEX, tag="1")

    assert place.fetch() == {"w.bin": b"weights"}


def test_a_tag_that_moved_is_another_revision_and_what_is_the_same_stays(place: Place) -> None:
    place.push((RAW, b"weights", {TITLE: "w.bin"}))
    before = place.files()
    place.push((RAW, b"weights", {TITLE: "w.bin"}), (RAW, b"more", {TITLE: "x.bin"}))

    assert set(before) < set(place.files())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ((RAW, b"x", {TITLE: "../x"}), "has no file name"),
        ((RAW, b"x", {}), "has no file name"),
        ((media_types.LAYER, tar({"../x": b"1"}), {}), "leads out"),
        ((media_types.LAYER, tar({"/etc/x": b"1"}), {}), "leads out"),
        ((media_types.LAYER, b"no tar at all" * 100, {}), "cannot be unpacked"),
        ((media_types.LAYER_GZIP, b"\x1f\x8bnothing", {}), "cannot be unpacked"),
        ((media_types.LAYER_GZIP, gzip.compress(bytes(1 << 20)) * 300, {}), "grows to more than"),
        (("application/vnd.oci.image.layer.v1.tar+zstd", b"x", {}), "zstd"),
    ],
)
def test_what_cannot_be_used_is_refused(
    place: Place, layer: tuple[str, bytes, dict[str, str]], words: str
) -> None:
    place.push(layer)
    with pytest.raises(ModelInvalid, match=words):
        place.fetch()


def test_what_is_left_out_is_not_fetched(place: Place) -> None:
    place.push((RAW, b"weights", {TITLE: "w.bin"}), (RAW, b"text", {TITLE: "a.txt"}))
    remote = Remote(source="oci://r.example.com/acme/net:1", exclude=("*.bin",))
    source = parse_source("m", remote, "algo.toml")
    origin = Artifacts(lambda host: place.registry)
    (file,) = origin.fetch(source, origin.revision(source), place.cache, notify=silent)

    assert file.path == "a.txt"
    assert [path.name for path in (place.cache.root / "sha256").iterdir()] == [file.sha256]


def test_links_in_a_tar_are_left_out(place: Place) -> None:
    place.push((media_types.LAYER, tar({"a": b"1"}, links={"b": "/etc/passwd"}), {}))

    assert place.fetch() == {"a": b"1"}


def test_what_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(ModelNotFound, match="has no tag 1"):
        place.files()
    place.push((RAW, b"weights", {TITLE: "w.bin"}))
    with pytest.raises(ModelNotFound, match=r"has no x\.bin") as refused:
        place.files("#x.bin")
    assert "w.bin" in refused.value.details


def test_a_blob_that_was_changed_is_refused(place: Place, tmp_path: Path) -> None:
    place.push((RAW, b"weights", {TITLE: "w.bin"}))
    blobs = place.registry.repository("acme/net").blobs
    blobs[Digest.of(b"weights")] = b"weighed"
    with pytest.raises(BlobCorrupted):
        place.files()
    assert not (tmp_path / "models" / "sha256").exists()
