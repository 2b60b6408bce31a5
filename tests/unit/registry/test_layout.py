"""The embedded store on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument, BadReference
from algo.oci.media_types import INDEX, MANIFEST
from algo.oci.seal import holds, seal
from algo.publish.repository import RegistryRepository
from algo.registry.body import Body
from algo.registry.errors import BlobCorrupted, NotFound
from algo.registry.layout import LayoutStore
from algo.trust.errors import BlobMissing

from tests.contract.registry.content import NAME, OTHER, blob, push_image, push_referrer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Another process that tags versions of its own in the same repository.
WRITER = """
import pathlib, sys
from algo.oci.media_types import INDEX
from algo.registry.layout import LayoutStore
store = LayoutStore(pathlib.Path(sys.argv[1]))
data = pathlib.Path(sys.argv[2]).read_bytes()
for number in range(20):
    store.tag("acme/digits", f"{sys.argv[3]}.0.{number}", data, INDEX)
"""


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "store", linkable=tmp_path / "cache")


def cached(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "cache" / Digest.of(data).hex
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def test_reading_makes_no_folders(store: LayoutStore, tmp_path: Path) -> None:
    assert store.names() == []
    assert store.tags(NAME) == []
    assert not (tmp_path / "store").exists()


def test_the_folder_is_an_oci_layout(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    store.tag(NAME, "1.0.0", pushed.index, INDEX)
    folder = store.folder(NAME)
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    entries = json.loads((folder / "index.json").read_text())["manifests"]
    names = [entry["annotations"].get("org.opencontainers.image.ref.name") for entry in entries]
    assert [name for name in names if name] == ["1.0.0"]
    files = {path.name for path in (folder / "blobs" / "sha256").iterdir()}
    assert all(Digest.of_file(folder / "blobs" / "sha256" / name).hex == name for name in files)
    assert store.names() == [NAME]
    assert list((folder / "ingest").iterdir()) == []


def test_a_blob_of_the_cache_is_linked_not_copied(store: LayoutStore, tmp_path: Path) -> None:
    path = cached(tmp_path, b"layer")
    got = store.push_blob(NAME, blob(b"layer"), path, notify=silent)
    assert (got.how, got.bytes_sent) == ("mounted", 0)
    assert path.stat().st_nlink == 2


def test_what_would_be_linked_is_known_before(store: LayoutStore, tmp_path: Path) -> None:
    path = cached(tmp_path, b"cached")
    assert store.foresee(NAME, blob(b"cached"), path) == "mounted"
    assert not (tmp_path / "store").exists()
    elsewhere = tmp_path / Digest.of(b"cached").hex
    elsewhere.write_bytes(b"cached")
    assert store.foresee(NAME, blob(b"cached"), elsewhere) == "sent"
    store.push_blob(NAME, blob(b"cached"), path, notify=silent)
    assert store.foresee(NAME, blob(b"cached"), elsewhere) == "reused"


def test_a_spoilt_file_of_the_cache_is_not_linked(store: LayoutStore, tmp_path: Path) -> None:
    path = cached(tmp_path, b"layer")
    path.write_bytes(b"lay3r")
    with pytest.raises(BlobCorrupted):
        store.push_blob(NAME, blob(b"layer"), path, notify=silent)
    assert not store.has_blob(NAME, Digest.of(b"layer"))


@pytest.mark.parametrize("damaged", [b"lay", b"lager"])
def test_a_damaged_blob_is_written_anew(store: LayoutStore, tmp_path: Path, damaged: bytes) -> None:
    path = cached(tmp_path, b"layer")
    store.push_blob(NAME, blob(b"other"), b"other", notify=silent)
    place = store.folder(NAME) / "blobs" / "sha256" / path.name
    place.write_bytes(damaged)
    store.push_blob(NAME, blob(b"layer"), path, notify=silent)
    assert place.read_bytes() == b"layer"


def test_a_manifest_whose_part_is_cut_short_is_refused(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    manifest, _ = store.get_manifest(NAME, str(pushed.image.digest))
    (store.folder(NAME) / "blobs" / "sha256" / Digest.of(b"layer").hex).write_bytes(b"")
    with pytest.raises(NotFound):
        store.push_manifest(NAME, manifest, MANIFEST)


def test_a_file_that_can_change_is_copied(store: LayoutStore, tmp_path: Path) -> None:
    path = tmp_path / Digest.of(b"layer").hex
    path.write_bytes(b"layer")
    assert store.push_blob(NAME, blob(b"layer"), path, notify=silent).how == "sent"
    assert path.stat().st_nlink == 1


def test_a_blob_of_another_name_is_linked(store: LayoutStore) -> None:
    store.push_blob(NAME, blob(b"layer"), b"layer", notify=silent)
    got = store.push_blob(OTHER, blob(b"layer"), b"layer", mount_from=NAME, notify=silent)
    assert (got.how, got.bytes_sent) == ("mounted", 0)


def test_a_changed_blob_is_seen_when_it_is_read(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    store.tag(NAME, "1.0.0", pushed.index, INDEX)
    for digest, read in (
        (pushed.layer.digest, lambda: list(store.open_blob(NAME, pushed.layer))),
        (pushed.digest, lambda: store.get_manifest(NAME, "1.0.0")),
    ):
        path = store.folder(NAME) / "blobs" / "sha256" / digest.hex
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        with pytest.raises(BlobCorrupted) as caught:
            read()
        assert caught.value.exit_code == 4
        path.write_bytes(data)


def test_what_is_damaged_or_gone_is_told_with_what_brings_it_again(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    store.tag(NAME, "1.0.0", pushed.index, INDEX)
    blobs = store.folder(NAME) / "blobs" / "sha256"
    (blobs / pushed.layer.digest.hex).write_bytes(b"lay3r")
    with pytest.raises(BlobCorrupted) as corrupted:
        list(store.open_blob(NAME, pushed.layer))
    assert f"the embedded store's {NAME}" in corrupted.value.message
    (blobs / pushed.layer.digest.hex).unlink()
    (blobs / pushed.digest.hex).unlink()
    repository = RegistryRepository(store, NAME)
    with pytest.raises(BlobMissing) as no_layer:
        list(repository.blob(pushed.layer))
    with pytest.raises(BlobMissing) as no_manifest:
        repository.manifest(pushed.digest)
    for caught in (corrupted, no_layer, no_manifest):
        assert caught.value.hint.startswith("algo pull HOST/OWNER/NAME:VERSION or algo import")


def test_a_file_of_the_cache_that_was_spoilt_is_read_again_the_next_time(tmp_path: Path) -> None:
    path = cached(tmp_path, b"layer")
    seal(path)
    sealed = path.stat().st_mtime
    path.write_bytes(b"lay3r")
    os.utime(path, (sealed, sealed))
    assert holds(path, Digest.of(b"layer"), 5)
    with Body(path, blob(b"layer")) as body, pytest.raises(BlobCorrupted) as caught:
        body.check()
    assert caught.value.hint == "the same command makes it anew"
    assert not holds(path, Digest.of(b"layer"), 5)


def test_a_lost_manifest_is_named(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    store.tag(NAME, "1.0.0", pushed.index, INDEX)
    (store.folder(NAME) / "blobs" / "sha256" / pushed.digest.hex).unlink()
    with pytest.raises(NotFound):
        store.get_manifest(NAME, "1.0.0")


def test_a_broken_index_is_named(store: LayoutStore) -> None:
    push_image(store, b"layer")
    (store.folder(NAME) / "index.json").write_text("{")
    with pytest.raises(BadDocument) as caught:
        store.tags(NAME)
    assert "index.json" in caught.value.message


@pytest.mark.parametrize("name", ["digits", "a/b/c", "../x", "a/..", "a/", "/a", "a/.b"])
def test_a_name_cannot_leave_the_store(store: LayoutStore, name: str) -> None:
    with pytest.raises(BadReference):
        store.push_blob(name, blob(b"x"), b"x", notify=silent)


def test_a_manifest_whose_parts_are_missing_is_refused(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    with pytest.raises(NotFound):
        store.tag(OTHER, "1.0.0", pushed.index, INDEX)
    assert store.tags(OTHER) == []


def test_a_source_that_breaks_leaves_nothing(store: LayoutStore) -> None:
    def source() -> Iterator[bytes]:
        yield b"la"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.push_blob(NAME, blob(b"layer"), source, notify=silent)
    assert not store.has_blob(NAME, Digest.of(b"layer"))
    assert list((store.folder(NAME) / "ingest").iterdir()) == []


def test_what_a_killed_writer_left_is_removed_a_day_later(store: LayoutStore) -> None:
    push_image(store, b"layer")
    ingest = store.folder(NAME) / "ingest"
    old, new = ingest / ".algo-old", ingest / ".algo-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 100_000,) * 2)
    push_image(store, b"other")
    assert [path.name for path in ingest.iterdir()] == [".algo-new"]


def test_processes_that_tag_at_once_lose_nothing(store: LayoutStore, tmp_path: Path) -> None:
    pushed = push_image(store, b"layer")
    file = tmp_path / "index.json"
    file.write_bytes(pushed.index)
    root = str(store.folder(NAME).parent.parent)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, root, str(file), str(major)])
        for major in (1, 2, 3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(store.tags(NAME)) == 60


def test_finding_what_refers_to_a_version_reads_no_other_manifest(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    index = store.tag(NAME, "1.0.0", pushed.index, INDEX)
    mine = push_referrer(store, index, b"mine")
    other = push_image(store, b"other")
    push_referrer(store, store.tag(NAME, "1.0.1", other.index, INDEX), b"other")
    blobs = store.folder(NAME) / "blobs" / "sha256"
    wanted = {index.digest.hex, mine.digest.hex}
    for path in blobs.iterdir():
        if path.name not in wanted:
            path.write_bytes(b"no manifest")
    assert [one.digest for one in store.referrers(NAME, index.digest)] == [mine.digest]


def test_entries_of_other_tools_are_looked_into(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    index = store.tag(NAME, "1.0.0", pushed.index, INDEX)
    mine = push_referrer(store, index, b"mine")
    path = store.folder(NAME) / "index.json"
    document = json.loads(path.read_text())
    for entry in document["manifests"]:
        del entry["annotations"]["dev.algo.subject"]
    path.write_text(json.dumps(document))
    assert [one.digest for one in store.referrers(NAME, index.digest)] == [mine.digest]


def test_a_version_that_was_published_by_another_process_is_seen(store: LayoutStore) -> None:
    pushed = push_image(store, b"layer")
    assert store.tags(NAME) == []
    LayoutStore(store.folder(NAME).parent.parent).tag(NAME, "1.0.0", pushed.index, INDEX)
    assert store.tags(NAME) == ["1.0.0"]
