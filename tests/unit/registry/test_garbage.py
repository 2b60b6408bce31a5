"""What no version names goes, and nothing that somebody brings or uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.registry.garbage import ORPHANS, UNTAGGED, VERSIONS, Garbage
from algo.registry.layout import LayoutStore
from algo.storage.held import Held
from algo.storage.room import Limits, prune

from tests.contract.registry.content import NAME, blob, push_image, push_referrer
from tests.fakes.disks import Lazy, Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.storage.interface import Item

ALL = Limits(everything=True)
FAR = 4_000_000_000.0


@pytest.fixture
def other(tmp_path: Path) -> Callable[[], LayoutStore]:
    """The store, as a process sees it that ends with the test's reference to it."""
    return lambda: LayoutStore(tmp_path / "store", disk=Lazy(), held=Held())


@pytest.fixture
def garbage(other: Callable[[], LayoutStore]) -> Garbage:
    return Garbage(other(), Lazy())


def blobs(store: LayoutStore) -> set[str]:
    return {path.name for path in (store.folder(NAME) / "blobs" / "sha256").iterdir()}


def removed(garbage: Garbage, limits: Limits = ALL) -> dict[str, str]:
    done = prune([garbage], limits, FAR, dry_run=False)
    return {one.name: one.kind for one in done.removed}


def found(garbage: Garbage, kind: str) -> list[Item]:
    return [item for item in garbage.items() if item.kind == kind]


def test_a_version_stays_with_all_that_refers_to_it(
    other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    pushed = push_image(other(), b"layer")
    index = other().tag(NAME, "1.0.0", pushed.index, INDEX)
    signature = push_referrer(other(), index, b"signature")
    push_referrer(other(), signature, b"signature of the signature")
    push_referrer(other(), pushed.image, b"signature of the image")
    before = blobs(other())
    assert removed(garbage) == {}
    assert blobs(other()) == before
    (versions,) = found(garbage, VERSIONS)
    assert {path.name for path in versions.paths} == before
    assert versions.kept and not versions.cache


def test_what_a_publish_left_that_was_cut_off_goes(
    other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    pushed = push_image(other(), b"layer")
    other().tag(NAME, "1.0.0", pushed.index, INDEX)
    before = blobs(other())
    index = other().folder(NAME) / "index.json"
    listed = other().listing(NAME).entries
    cut = push_image(other(), b"another layer")
    untagged = other().push_manifest(NAME, cut.index, INDEX)
    push_referrer(other(), untagged, b"signature")
    other().push_blob(NAME, blob(b"lost"), b"lost", notify=silent)
    assert set(removed(garbage)) == {NAME, f"{NAME}@{untagged.digest}"}
    # The empty config of the referrer is new, too.
    assert blobs(other()) == before
    assert other().listing(NAME).entries == listed
    assert index.is_file()


def test_what_a_process_brings_or_uses_stays(
    other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    publisher = other()
    pushed = push_image(publisher, b"layer")
    before = blobs(publisher)
    assert removed(garbage) == {}
    assert blobs(publisher) == before
    untagged = publisher.push_manifest(NAME, pushed.index, INDEX)
    del publisher
    reader = other()
    assert reader.resolve(NAME, str(untagged.digest))
    assert removed(garbage) == {}
    assert reader.tag(NAME, "1.0.0", pushed.index, INDEX).digest == untagged.digest


def test_a_publish_that_takes_up_what_another_left_is_not_undone(
    other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    pushed = push_image(other(), b"layer")
    old = other().push_manifest(NAME, pushed.index, INDEX)
    push_referrer(other(), pushed.image, b"signature of the image")
    publisher = other()
    again = push_image(publisher, b"layer")
    kept = push_referrer(publisher, again.image, b"signature of the image")
    assert removed(garbage) == {f"{NAME}@{old.digest}": UNTAGGED}
    publisher.tag(NAME, "1.0.0", pushed.index.replace(b"title", b"tutle"), INDEX)
    assert [one.digest for one in publisher.referrers(NAME, again.image.digest)] == [kept.digest]
    for digest in (again.image.digest, kept.digest):
        assert publisher.get_manifest(NAME, str(digest))


def test_without_limits_only_lost_parts_of_yesterday_go(
    other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    pushed = push_image(other(), b"layer")
    other().push_manifest(NAME, pushed.index, INDEX)
    other().push_blob(NAME, blob(b"lost"), b"lost", notify=silent)
    assert removed(garbage, Limits()) == {}
    (orphans,) = found(garbage, ORPHANS)
    assert [path.name for path in orphans.paths] == [Digest.of(b"lost").hex]
    assert not orphans.unfindable


def test_a_loss_of_power_while_it_is_removed_leaves_no_listed_manifest_without_its_parts(
    tmp_path: Path, other: Callable[[], LayoutStore]
) -> None:
    pushed = push_image(other(), b"layer")
    other().tag(NAME, "1.0.0", pushed.index, INDEX)
    other().push_manifest(NAME, push_image(other(), b"another").index, INDEX)
    index = other().folder(NAME) / "index.json"
    seen: list[bool] = []

    class Watching(Recording):
        """A disk that looks, when the index is replaced, whether all is there still."""

        def rename(self, source: Path, target: Path) -> None:
            if target == index:
                seen.append(len(blobs(other())) == 8)
            super().rename(source, target)

    assert removed(Garbage(other(), Watching(tmp_path)))
    assert seen == [True]
    assert len(blobs(other())) == 4


def test_a_layout_that_another_tool_wrote_is_understood(
    tmp_path: Path, other: Callable[[], LayoutStore], garbage: Garbage
) -> None:
    pushed = push_image(other(), b"layer")
    other().tag(NAME, "1.0.0", pushed.index, INDEX)
    path = other().folder(NAME) / "index.json"
    # skopeo lists the index alone, and not the images that it names.
    listing = other().listing(NAME)
    path.write_bytes(listing.without({str(pushed.image.digest)}).encoded())
    before = blobs(other())
    (other().folder(NAME) / "ingest").rmdir()
    assert removed(garbage) == {}
    assert blobs(other()) == before
