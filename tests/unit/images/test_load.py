from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.errors import DiskFull
from algo.events import silent
from algo.images.cache import Cache, leftovers
from algo.images.deliver import IntoEngine, IntoFile, IntoStore, deliver
from algo.images.errors import LoadRefused
from algo.images.load import Recent, ensure_loaded, load
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.project.project import Project
from algo.resources import user_folders
from msgspec.structs import replace

from tests.fakes.images import FakeImageEngine
from tests.machine.lacking import lacking
from tests.unit.images.projects import builder, lock, project, runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from algo.events import Notify
    from algo.images.image import BuiltImage, Layer


@dataclass(frozen=True)
class Moved:
    how: str
    bytes_sent: int


@dataclass
class FakeStore:
    blobs: set[Digest] = field(default_factory=set)
    manifests: list[bytes] = field(default_factory=list)

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Path | bytes | Callable[[], Iterator[bytes]],
        *,
        notify: Notify,
    ) -> Moved:
        had = descriptor.digest in self.blobs
        self.blobs.add(descriptor.digest)
        return Moved("reused", 0) if had else Moved("sent", descriptor.size)

    def push_manifest(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        self.manifests.append(data)
        return Descriptor(media_type, Digest.of(data), len(data))


@pytest.fixture
def image(tmp_path: Path) -> BuiltImage:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())
    return made.build(project(tmp_path / "p"), lock(), notify=silent)


def edited(tmp_path: Path) -> BuiltImage:
    (tmp_path / "p" / "src" / "p.py").write_text("def apply(x):\n    return -x\n")
    made = builder(tmp_path / "r", tmp_path / "c", FakeImageEngine())
    return made.build(Project.open(tmp_path / "p"), lock(), notify=silent)


def test_an_image_that_the_engine_holds_is_not_sent(image: BuiltImage) -> None:
    engine = FakeImageEngine()
    first = ensure_loaded(image, engine, notify=silent)

    assert ensure_loaded(image, engine, notify=silent) == first
    assert first == f"algo.local/acme/p:{image.digest.short}"
    assert engine.loaded == [7]


def test_after_an_edit_only_the_code_layer_is_sent(image: BuiltImage, tmp_path: Path) -> None:
    engine = FakeImageEngine()
    load(image, engine, notify=silent)

    assert load(edited(tmp_path), engine, notify=silent) == 6
    assert engine.loaded == [7, 1]


def test_what_is_about_to_be_sent_is_checked_and_nothing_else(
    image: BuiltImage, tmp_path: Path
) -> None:
    engine, checked = FakeImageEngine(), list[list[str]]()

    def check(layers: Sequence[Layer]) -> None:
        checked.append([layer.name for layer in layers])

    load(image, engine, check=check, notify=silent)
    load(image, engine, check=check, notify=silent)
    load(edited(tmp_path), engine, check=check, notify=silent)

    assert checked == [[layer.name for layer in image.layers], ["code"]]


def test_what_a_check_refuses_is_not_sent(image: BuiltImage) -> None:
    def refuse(layers: Sequence[Layer]) -> None:
        raise LoadRefused("damaged")

    engine = FakeImageEngine()
    with pytest.raises(LoadRefused, match="damaged"):
        load(image, engine, check=refuse, notify=silent)
    assert engine.loaded == []


def test_an_engine_lists_its_images_only_now_and_then(image: BuiltImage, tmp_path: Path) -> None:
    engine, recent = FakeImageEngine(), Recent(Cache(tmp_path / "c"))
    load(image, engine, recent=recent, notify=silent)
    listed = engine.listed
    assert load(edited(tmp_path), engine, recent=recent, notify=silent) == 6
    assert engine.listed == listed

    for number in range(40):
        one = replace(image, digest=Digest.of(b"%d" % number))
        load(one, engine, recent=recent, notify=silent)
    assert len(engine.images) < 26


def test_what_was_loaded_last_may_be_gone(image: BuiltImage, tmp_path: Path) -> None:
    recent = Recent(Cache(tmp_path / "c"))
    load(image, FakeImageEngine(), recent=recent, notify=silent)
    other = FakeImageEngine()

    assert load(edited(tmp_path), other, recent=recent, notify=silent) == 0
    assert other.loaded == [7]


def test_an_engine_that_insists_on_all_layers_gets_them(image: BuiltImage, tmp_path: Path) -> None:
    engine = FakeImageEngine(insists=True)
    load(image, engine, notify=silent)
    load(edited(tmp_path), engine, notify=silent)

    assert engine.loaded == [7, 7]


def test_layers_that_another_image_has_are_not_sent(image: BuiltImage) -> None:
    engine = FakeImageEngine()
    engine.images["algo.local/other/x:1"] = tuple(str(one.diff_id) for one in image.layers[:4])

    assert load(image, engine, notify=silent) == 4


def test_a_refusal_is_a_named_error(image: BuiltImage) -> None:
    class Refusing(FakeImageEngine):
        def load(self, archive: object) -> str:
            return "no space left on device"

    with pytest.raises(LoadRefused, match="no space left"):
        load(image, Refusing(), notify=silent)


def test_old_builds_do_not_pile_up_in_the_engine(image: BuiltImage) -> None:
    engine = FakeImageEngine()
    engine.images = {f"algo.local/acme/p:{number}": () for number in range(20)}
    load(image, engine, notify=silent)

    assert len(engine.images) == 6


def test_the_file_is_an_oci_layout_and_a_docker_archive(image: BuiltImage, tmp_path: Path) -> None:
    (report,) = deliver((image,), "1.0.0", IntoFile(tmp_path / "image.tar"), notify=silent)
    with tarfile.open(tmp_path / "image.tar") as archive:
        names = archive.getnames()
        index = archive.extractfile("index.json")
        assert index is not None
        (entry,) = json.load(index)["manifests"]

    assert {"oci-layout", "manifest.json"} < set(names)
    assert entry["digest"] == str(image.digest) == report.digest
    assert report.bytes_sent == (tmp_path / "image.tar").stat().st_size
    assert [path.name for path in tmp_path.glob(".image*")] == []


def test_the_report_tells_what_the_engine_had(image: BuiltImage) -> None:
    engine = FakeImageEngine()
    (first,) = deliver((image,), "1.0.0", IntoEngine(engine), notify=silent)
    (again,) = deliver((image,), "1.0.0", IntoEngine(engine), notify=silent)

    assert {layer.status for layer in first.layers} == {"sent"}
    assert first.bytes_sent == image.size
    assert {layer.status for layer in again.layers} == {"reused"}
    assert again.bytes_sent == 0
    assert (again.name, again.version, again.reference) == ("acme/p", "1.0.0", image.tag)


def test_the_store_gets_blobs_before_the_manifest_and_no_tag(image: BuiltImage) -> None:
    store = FakeStore()
    (report,) = deliver((image,), "1.0.0", IntoStore(store), notify=silent)
    (again,) = deliver((image,), "1.0.0", IntoStore(store), notify=silent)

    assert store.manifests == [image.manifest, image.manifest]
    assert report.reference == f"acme/p@{image.digest}"
    assert report.bytes_sent == image.size + image.config.size
    assert again.bytes_sent == 0


def test_what_a_dead_process_left_is_listed_and_what_a_living_one_has_is_not(
    tmp_path: Path,
) -> None:
    folders = user_folders(str(tmp_path))
    cache = Cache.of(folders)
    dead = folders.cache / "tmp" / "4194305-abc"
    with cache.scratch() as mine:
        dead.mkdir()

        assert leftovers(folders) == (dead,)
    assert not mine.exists()


def test_a_full_disk_is_a_named_error_and_leaves_nothing(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        lacking("there is no /dev/full")
    cache = Cache(tmp_path)

    with pytest.raises(DiskFull, match=str(tmp_path)), cache.scratch():
        Path("/dev/full").write_bytes(b"x")
    assert list((tmp_path / "tmp").iterdir()) == []
