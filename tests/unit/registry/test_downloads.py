"""Downloads that were cut off go on, in the same process or in the next one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from algo.oci.digest import Digest
from algo.registry.download import KEPT_FROM
from algo.registry.errors import BlobCorrupted, RegistryUnreachable
from algo.registry.http import HttpRegistry
from algo.registry.partial import LIFE_SECONDS, Downloads
from algo.registry.transport import Patience, Transport

from tests.contract.registry.content import blob
from tests.unit.registry.server import Fault, Scene

if TYPE_CHECKING:
    from pathlib import Path

NAME = "acme/digits"
LARGE = bytes(range(256)) * (KEPT_FROM // 256) + b"the end"
SMALL = b"small"


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    """A folder of downloads under way."""
    return Downloads(tmp_path / "downloads")


def process(scene: Scene, downloads: Downloads, attempts: int = 1) -> HttpRegistry:
    """Return what another process would pull with."""
    patience = Patience(attempts=attempts, sleep=lambda _: None)
    return HttpRegistry(Transport(scene.address, None, {}, patience), downloads=downloads)


@pytest.fixture
def broken_off(scene: Scene, downloads: Downloads) -> Path:
    """The start of a blob whose download ended after 5,000,000 bytes."""
    for data in (LARGE, SMALL):
        scene.blobs[str(Digest.of(data))] = data
    scene.faults = [Fault("GET .*blobs", cut=5_000_000)]
    with pytest.raises(RegistryUnreachable):
        list(process(scene, downloads).open_blob(NAME, blob(LARGE)))
    (start,) = downloads.root.iterdir()
    assert start.read_bytes() == LARGE[:5_000_000]
    return start


def asked(scene: Scene) -> list[str]:
    return [found for one in scene.headers if (found := one.get("range"))]


def test_a_pull_that_was_cut_off_goes_on(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE
    assert asked(scene) == [f"bytes=5000000-{len(LARGE) - 1}"]
    assert not broken_off.exists()


def test_a_reader_that_stops_keeps_what_it_had(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    pieces = process(scene, downloads).open_blob(NAME, blob(LARGE))
    size = 0
    while size <= 6_000_000:
        size += len(next(pieces))
    pieces.close()  # type: ignore[attr-defined]
    assert broken_off.stat().st_size == size
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE


def test_nothing_is_asked_for_where_all_was_there(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    scene.seen.clear()
    broken_off.write_bytes(LARGE)
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE
    assert not scene.seen


def test_a_registry_that_refuses_ranges_is_read_from_its_start(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    scene.faults = [Fault("GET .*blobs", status=416)]
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE


def test_a_registry_without_ranges_is_read_from_its_start(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    scene.ranges = False
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE


def test_a_start_that_was_changed_on_the_disk_is_noticed_and_dropped(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    broken_off.write_bytes(b"x" + LARGE[1:5_000_000])
    with pytest.raises(BlobCorrupted, match="try again"):
        list(process(scene, downloads).open_blob(NAME, blob(LARGE)))
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE


def test_a_start_that_is_longer_than_the_blob_counts_for_nothing(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    broken_off.write_bytes(LARGE + b"more")
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE
    assert not asked(scene)


def test_two_downloads_of_one_blob_keep_out_of_each_others_way(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    first = process(scene, downloads).open_blob(NAME, blob(LARGE))
    begun = [next(first)]
    assert b"".join(process(scene, downloads).open_blob(NAME, blob(LARGE))) == LARGE
    assert b"".join([*begun, *first]) == LARGE
    assert not list(downloads.root.iterdir())


def test_a_disk_that_takes_nothing_stops_no_download(
    scene: Scene, broken_off: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    elsewhere = Downloads(tmp_path / "file" / "downloads")
    assert b"".join(process(scene, elsewhere).open_blob(NAME, blob(LARGE))) == LARGE


def test_small_blobs_are_not_kept_and_old_starts_are_swept(
    scene: Scene, downloads: Downloads, broken_off: Path
) -> None:
    assert list(process(scene, downloads).open_blob(NAME, blob(SMALL))) == [SMALL]
    assert list(downloads.root.iterdir()) == [broken_off]
    old = time.time() - LIFE_SECONDS - 60
    os.utime(broken_off, (old, old))
    with downloads.hold(Digest.of(b"another"), 7):
        pass
    assert not list(downloads.root.iterdir())
