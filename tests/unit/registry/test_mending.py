"""A damaged list of a name's versions is made anew from the blobs, and is not taken for less."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from algo.oci.manifest import Index, decode, encode
from algo.oci.media_types import INDEX
from algo.registry.errors import StoreDamaged
from algo.registry.garbage import VERSIONS, Garbage
from algo.registry.layout import LayoutStore
from algo.registry.mending import Mended, damaged, mend
from algo.storage.held import Held
from algo.storage.room import Limits, prune

from tests.contract.registry.content import NAME, OTHER, push_image, push_referrer

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.digest import Digest


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "store", held=Held())


def released(store: LayoutStore, text: bytes, version: str, repository: str = NAME) -> bytes:
    """Push an image, and return the index that says which version it is."""
    index = decode(push_image(store, text, repository).index, Index)
    annotations = {"org.opencontainers.image.version": version}
    return encode(msgspec.structs.replace(index, annotations=annotations))


def entries(store: LayoutStore) -> list[Any]:
    listed = json.loads((store.folder(NAME) / "index.json").read_bytes())["manifests"]
    return sorted(listed, key=lambda entry: str(entry["digest"]))


@pytest.fixture
def full(store: LayoutStore) -> LayoutStore:
    """The store with two versions, one of them signed, and one that was cut off."""
    for text, version in ((b"one", "1.0.0"), (b"two", "1.1.0")):
        index = store.tag(NAME, version, released(store, text, version), INDEX)
    push_referrer(store, index, b"signature")
    store.push_manifest(NAME, released(store, b"three", "1.2.0"), INDEX)
    return store


def seen(store: LayoutStore, *versions: str) -> dict[str, frozenset[Digest]]:
    found = {version: store.resolve(NAME, version) for version in versions}
    return {version: frozenset({one.digest}) for version, one in found.items() if one}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"manifests":', b"[]", b"\xff\x00", None])
def test_a_list_is_made_anew_as_it_was(full: LayoutStore, damage: bytes | None) -> None:
    before, known = entries(full), seen(full, "1.0.0", "1.1.0")
    index = full.folder(NAME) / "index.json"
    index.unlink()
    if damage is not None:
        index.write_bytes(damage)
    with pytest.raises(StoreDamaged) as caught:
        full.tags(NAME)
    assert caught.value.hint.startswith("algo doctor --fix")
    assert damaged(full) == [NAME]
    assert mend(full, NAME, known) == Mended(NAME, ("1.0.0", "1.1.0"), ())
    assert damaged(full) == []
    assert entries(full) == before


def test_a_folder_in_its_place_is_put_aside(full: LayoutStore) -> None:
    before, known = entries(full), seen(full, "1.0.0", "1.1.0")
    index = full.folder(NAME) / "index.json"
    index.unlink()
    (index / "kept").mkdir(parents=True)
    assert damaged(full) == [NAME]
    mend(full, NAME, known)
    assert entries(full) == before
    assert len(list(full.folder(NAME).glob("index.json.*/kept"))) == 1


@pytest.mark.parametrize("gone", ["oci-layout", "blobs"])
def test_what_else_is_gone_of_a_layout_comes_back_with_what_is_brought(
    full: LayoutStore, gone: str
) -> None:
    path = full.folder(NAME) / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    full.tag(NAME, "1.3.0", released(full, b"more", "1.3.0"), INDEX)
    assert full.get_manifest(NAME, "1.3.0")
    assert (full.folder(NAME) / "oci-layout").is_file()


def test_what_never_became_a_version_does_not_become_one(full: LayoutStore) -> None:
    known = seen(full, "1.0.0", "1.1.0")
    (full.folder(NAME) / "index.json").write_bytes(b"")
    mend(full, NAME, known)
    assert full.tags(NAME) == ["1.0.0", "1.1.0"]


def test_a_machine_that_has_seen_nothing_believes_the_manifests(full: LayoutStore) -> None:
    (full.folder(NAME) / "index.json").write_bytes(b"")
    assert mend(full, NAME, {}).versions == ("1.0.0", "1.1.0", "1.2.0")


def test_a_version_that_two_say_they_are_gets_no_tag(full: LayoutStore) -> None:
    full.push_manifest(NAME, released(full, b"other", "1.0.0"), INDEX)
    (full.folder(NAME) / "index.json").write_bytes(b"")
    assert mend(full, NAME, {}).versions == ("1.1.0", "1.2.0")


def test_a_version_whose_parts_are_gone_is_lost(full: LayoutStore) -> None:
    known = seen(full, "1.0.0", "1.1.0")
    data, _ = full.get_manifest(NAME, "1.0.0")
    (child,) = decode(data, Index).manifests
    blobs = full.folder(NAME) / "blobs" / "sha256"
    (blobs / child.value().digest.hex).unlink()
    (full.folder(NAME) / "index.json").write_bytes(b"")
    assert mend(full, NAME, known) == Mended(NAME, ("1.1.0",), ("1.0.0",))


def test_a_flipped_manifest_is_not_listed(full: LayoutStore) -> None:
    found = full.resolve(NAME, "1.1.0")
    assert found is not None
    path = full.folder(NAME) / "blobs" / "sha256" / found.digest.hex
    path.write_bytes(path.read_bytes().replace(b"1.1.0", b"1.1.7"))
    (full.folder(NAME) / "index.json").write_bytes(b"")
    assert mend(full, NAME, {}).versions == ("1.0.0", "1.2.0")


def test_the_other_names_go_on(full: LayoutStore) -> None:
    full.tag(OTHER, "1.0.0", released(full, b"x", "1.0.0", OTHER), INDEX)
    (full.folder(NAME) / "index.json").write_bytes(b"")
    assert full.tags(OTHER) == ["1.0.0"]
    garbage = Garbage(full)
    kept = {item.name: item.kept for item in garbage.items() if item.kind == VERSIONS}
    assert kept == {
        NAME: "a name is damaged: algo doctor --fix",
        OTHER: "published or pulled versions stay",
    }
    assert prune([garbage], Limits(everything=True), 4e9, dry_run=False).removed == ()


def test_a_list_that_is_gone_is_not_begun_again_as_an_empty_one(full: LayoutStore) -> None:
    (full.folder(NAME) / "index.json").unlink()
    with pytest.raises(StoreDamaged):
        push_image(full, b"four")
    assert not (full.folder(NAME) / "index.json").exists()
