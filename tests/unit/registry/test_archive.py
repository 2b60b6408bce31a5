"""A version in one file, written and read, and what somebody could have done to the file."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from algo.errors import NOT_ALLOWED, AlgoError
from algo.events import silent
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.registry.archive import Archive
from algo.registry.archive_writer import beside, write_archive
from algo.registry.copy import copy_version, gather
from algo.registry.errors import ArchiveIncomplete, BlobCorrupted, NotAnArchive, NotFound
from algo.storage.errors import UnsafeArchive

from tests.contract.registry.content import NAME, push_image, push_referrer
from tests.fakes import archives
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.descriptor import Descriptor


@pytest.fixture
def source() -> tuple[MemoryRegistry, Descriptor]:
    """A version with referrers of its index, of its image, and of a referrer."""
    registry = MemoryRegistry()
    pushed = push_image(registry, b"layer" * 1000, NAME)
    index = registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    on_index = push_referrer(registry, index, b"on the index", NAME)
    push_referrer(registry, pushed.image, b"on the image", NAME)
    push_referrer(registry, on_index, b"on a referrer", NAME)
    return registry, index


@pytest.fixture
def file(source: tuple[MemoryRegistry, Descriptor], tmp_path: Path) -> Path:
    registry, index = source
    path = tmp_path / "digits-1.0.0.tar"
    path.write_bytes(written(registry, index))
    return path


def written(registry: MemoryRegistry, index: Descriptor) -> bytes:
    target = io.BytesIO()
    whole = gather(registry, NAME, str(index.digest), notify=silent)
    write_archive(target, registry, NAME, whole, NAME, "1.0.0", notify=silent)
    return target.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {one.name: _content(archive, one) for one in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()


def packed(parts: dict[str, bytes]) -> bytes:
    return archives.archive(*(archives.member(name, data) for name, data in parts.items()))


def test_the_same_version_is_the_same_file_and_comes_out_whole(
    source: tuple[MemoryRegistry, Descriptor], file: Path
) -> None:
    registry, index = source
    assert file.read_bytes() == written(registry, index)
    target = MemoryRegistry()
    with Archive(file, silent) as archive:
        assert archive.version() == ("1.0.0", index)
        assert archive.tags(NAME) == ["1.0.0"]
        copy_version(archive, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
    assert target.repositories[NAME] == registry.repositories[NAME]


def test_docker_is_told_of_the_image_by_name_and_version(file: Path) -> None:
    parts = members(file.read_bytes())
    (image,) = json.loads(parts["manifest.json"])
    assert image["RepoTags"] == [f"{NAME}:1.0.0"]
    assert set(image["Layers"]) | {image["Config"]} <= set(parts)


def test_a_flipped_bit_is_noticed_wherever_it_is(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    spoiled = tmp_path / "spoiled.tar"
    noticed = 0
    for place in range(0, len(data), 97):
        changed = bytearray(data)
        changed[place] ^= 1
        spoiled.write_bytes(bytes(changed))
        try:
            with Archive(spoiled, silent) as archive:
                target = MemoryRegistry()
                copy_version(archive, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
        except AlgoError:
            noticed += 1
            continue
        # What says nothing of the version (Docker's list) may differ; the version may not.
        with Archive(file, silent) as sound:
            whole = MemoryRegistry()
            copy_version(sound, NAME, "1.0.0", whole, NAME, tag="1.0.0", notify=silent)
        assert target.repositories == whole.repositories, f"byte {place}"
    assert noticed > len(data) // 97 // 2


def read_as_it_is_imported(path: Path) -> None:
    with Archive(path, silent) as archive:
        tag, index = archive.version()
        whole = gather(archive, NAME, str(index.digest), notify=silent)
        archive.check_beside(beside(whole, NAME, tag))


@pytest.mark.parametrize("document", ["oci-layout", "index.json", "manifest.json"])
def test_a_flipped_bit_in_what_no_digest_vouches_for_is_noticed(
    file: Path, tmp_path: Path, document: str
) -> None:
    parts = members(file.read_bytes())
    spoiled = tmp_path / "spoiled.tar"
    spoiled.write_bytes(packed(parts))
    read_as_it_is_imported(spoiled)
    for place in range(len(parts[document])):
        changed = bytearray(parts[document])
        changed[place] ^= 1 << place % 7
        spoiled.write_bytes(packed(parts | {document: bytes(changed)}))
        with pytest.raises(AlgoError):
            read_as_it_is_imported(spoiled)


def test_a_layout_that_others_packed_is_told_by_its_blobs_alone(file: Path, tmp_path: Path) -> None:
    parts = members(file.read_bytes())
    del parts["manifest.json"]
    parts["index.json"] = json.dumps(json.loads(parts["index.json"]), indent=1).encode()
    other = tmp_path / "other.tar"
    other.write_bytes(packed(parts))
    read_as_it_is_imported(other)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "no archive"])
def test_a_damaged_file_is_told_by_its_name_with_what_helps(file: Path, damage: str) -> None:
    data = file.read_bytes()
    place = data.index(b"layerlayer")
    damaged = {
        "flipped": data[:place] + b"L" + data[place + 1 :],
        "cut": data[: place + 10],
        "empty": b"",
        "no archive": b"hello" * 1000,
    }
    file.write_bytes(damaged[damage])
    with pytest.raises(AlgoError) as caught:
        Archive(file, silent)
    assert file.name in caught.value.message
    assert caught.value.hint.startswith("copy the file again, or write it again")


def test_a_blob_under_another_digest_is_refused(file: Path) -> None:
    parts = members(file.read_bytes())
    name = next(one for one in parts if one.startswith("blobs/"))
    file.write_bytes(packed({**parts, name: b"something else"}))
    with pytest.raises(BlobCorrupted) as caught:
        Archive(file, silent)
    assert caught.value.exit_code == NOT_ALLOWED


def test_a_referrer_that_is_named_and_was_taken_out_is_missed(file: Path) -> None:
    parts = members(file.read_bytes())
    listed = json.loads(parts["index.json"])["manifests"]
    assert len(listed) == 4
    digest = listed[-1]["digest"].removeprefix("sha256:")
    del parts[f"blobs/sha256/{digest}"]
    file.write_bytes(packed(parts))
    with pytest.raises(ArchiveIncomplete, match=digest):
        Archive(file, silent)


def test_a_layer_that_was_taken_out_is_missed(file: Path) -> None:
    parts = members(file.read_bytes())
    del parts[f"blobs/sha256/{Digest.of(b'layer' * 1000).hex}"]
    file.write_bytes(packed(parts))
    with pytest.raises(ArchiveIncomplete, match="for Docker and does not hold it"):
        Archive(file, silent)
    del parts["manifest.json"]
    file.write_bytes(packed(parts))
    with Archive(file, silent) as archive, pytest.raises(NotFound):
        copy_version(archive, NAME, "1.0.0", MemoryRegistry(), NAME, notify=silent)


@pytest.mark.parametrize(
    "name", ["evil", "blobs/sha256/short", "blobs/sha512/" + "0" * 64, "blobs/../x"]
)
def test_what_does_not_belong_there_is_refused(file: Path, name: str) -> None:
    file.write_bytes(packed({**members(file.read_bytes()), name: b"x"}))
    with pytest.raises(UnsafeArchive):
        Archive(file, silent)


@pytest.mark.parametrize("attack", [*archives.ANYWHERE, *archives.IN_A_PROJECT])
def test_an_attack_is_refused(file: Path, attack: str) -> None:
    made = {**archives.ANYWHERE, **archives.IN_A_PROJECT}[attack]()
    sound = file.read_bytes().rstrip(b"\0")
    whole = sound + bytes(-len(sound) % 512)
    for data in (made, whole + made):
        file.write_bytes(data)
        with pytest.raises(UnsafeArchive):
            Archive(file, silent)


def changed_index(file: Path, change: dict[str, Any]) -> None:
    parts = members(file.read_bytes())
    document = json.loads(parts["index.json"])
    file.write_bytes(packed({**parts, "index.json": json.dumps({**document, **change}).encode()}))


def test_a_file_that_holds_no_version_or_two_says_so(file: Path) -> None:
    listed = json.loads(members(file.read_bytes())["index.json"])["manifests"]
    for entries in ([], listed[1:], [listed[0], {**listed[0], "annotations": {
        "org.opencontainers.image.ref.name": "2.0.0"}}]):  # fmt: skip
        changed_index(file, {"manifests": entries})
        with Archive(file, silent) as archive, pytest.raises(NotAnArchive):
            archive.version()


def test_a_wrong_size_in_the_index_is_refused(file: Path) -> None:
    listed = json.loads(members(file.read_bytes())["index.json"])["manifests"]
    changed_index(file, {"manifests": [{**listed[0], "size": 1 << 40}]})
    with pytest.raises(AlgoError):
        Archive(file, silent)


def test_an_image_without_the_layout_is_told_apart(file: Path) -> None:
    parts = members(file.read_bytes())
    del parts["oci-layout"]
    file.write_bytes(packed(parts))
    with pytest.raises(NotAnArchive, match="no oci-layout"):
        Archive(file, silent)


def test_a_file_that_somebody_compressed_is_told_as_such(file: Path) -> None:
    file.write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(NotAnArchive, match=r"digits-1\.0\.0\.tar is compressed") as caught:
        Archive(file, silent)
    assert caught.value.hint == f"gunzip < {file} > version.tar, and read that"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("oci-layout", b"1.0.0", b"1.1.0"),
        ("oci-layout", b"imageLayout", b"imagdLayout"),
        ("manifest.json", b'"Layers"', b'"Mayers"'),
        ("manifest.json", b"blobs/sha256", b"clobs/sha256"),
    ],
)
def test_a_flipped_bit_beside_the_blobs_is_noticed(
    file: Path, name: str, old: bytes, new: bytes
) -> None:
    parts = members(file.read_bytes())
    assert old in parts[name]
    parts[name] = parts[name].replace(old, new, 1)
    file.write_bytes(packed(parts))
    with pytest.raises(AlgoError) as caught:
        Archive(file, silent)
    assert caught.value.code in {"bad_document", "archive_incomplete"}
