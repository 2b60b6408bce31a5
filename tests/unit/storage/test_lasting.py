"""Publishing and filling the cache, with every single call to the disk failing in its turn."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from algo.errors import DiskFull
from algo.images.cache import Cache
from algo.images.image import LayerKind
from algo.images.layer import find_layer, make_layer
from algo.images.tree import Entry
from algo.oci.digest import Digest
from algo.publish.repository import RegistryRepository
from algo.registry.layout import LayoutStore
from algo.storage.held import Held
from algo.trust.keys import SigningKey
from algo.trust.verify import check_blobs

from tests.fakes.disks import Failing, Lazy, PowerCut, Recording
from tests.unit.trust.publishing import NAME, check, contents, put, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from algo.publish.release import Contents
    from algo.storage.disk import Disk

KEY = SigningKey.generate()
ONE, TWO = "1.0.0", "1.1.0"
# Every call in its turn, and every seventh for those who wait.
every = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def versions(cache: Path) -> dict[str, Contents]:
    """Two versions of an algorithm; their layers lie in the cache."""
    cache.mkdir()
    return {
        ONE: contents(cache, version=ONE, code=b"def apply(input): return 1\n"),
        TWO: contents(cache, version=TWO, code=b"def apply(input): return 2\n"),
    }


def store(root: Path, disk: Disk, cache: Path | None = None) -> LayoutStore:
    return LayoutStore(root, linkable=cache, disk=disk, held=Held())


def is_sound(root: Path) -> list[str]:
    """Read every listed version whole, as `algo verify` does; return which there are."""
    found = store(root, Lazy())
    tags = found.tags(NAME)
    for tag in tags:
        there = found.resolve(NAME, tag)
        assert there is not None
        verified = check(found, there.digest, trusting(KEY.public), version=tag)
        check_blobs(RegistryRepository(found, NAME), verified)
    return tags


def publish(root: Path, disk: Disk, what: Contents, cache: Path | None = None) -> None:
    put(store(root, disk, cache), what, KEY)


@every
@pytest.mark.parametrize(("error", "linked"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_disk_that_fails_at_any_call_leaves_a_sound_store(
    tmp_path: Path, versions: dict[str, Contents], cache: Path, error: int, linked: bool, step: int
) -> None:
    from_cache = cache if linked else None
    publish(tmp_path / "base", Lazy(), versions[ONE], from_cache)
    for at in range(1, 1000, step):
        root = tmp_path / "store"
        shutil.copytree(tmp_path / "base", root)
        disk = Failing(at, error)
        try:
            publish(root, disk, versions[TWO], from_cache)
        except DiskFull:
            assert error == errno.ENOSPC
        except OSError as failed:
            assert failed.errno == error
        if disk.calls < at:
            assert is_sound(root) == [ONE, TWO]
            return
        assert ONE in is_sound(root), at
        assert not list((root / NAME / "ingest").iterdir()), at
        with suppress(Exception):
            publish(root, Lazy(), versions[TWO], from_cache)
        assert is_sound(root) == [ONE, TWO], at
        shutil.rmtree(root)
    pytest.fail("the disk did not fail as often as it was called")


@every
def test_a_process_that_is_killed_at_any_call_leaves_a_sound_store(
    tmp_path: Path, versions: dict[str, Contents], cache: Path, step: int
) -> None:
    publish(tmp_path / "base", Lazy(), versions[ONE], cache)
    for at in range(1, 1000, step):
        root = tmp_path / "store"
        shutil.copytree(tmp_path / "base", root)
        disk = Failing(at, cut=True)
        with suppress(PowerCut):
            publish(root, disk, versions[TWO], cache)
        if disk.calls < at:
            return
        assert ONE in is_sound(root), at
        if TWO not in is_sound(root):
            publish(root, Lazy(), versions[TWO], cache)
        assert is_sound(root) == [ONE, TWO], at
        shutil.rmtree(root)
    pytest.fail("the disk was never called as seldom")


@every
@pytest.mark.parametrize("linked", [True, False])
def test_power_that_is_lost_at_any_call_leaves_a_sound_store(
    tmp_path: Path, versions: dict[str, Contents], cache: Path, linked: bool, step: int
) -> None:
    root = tmp_path / "store"
    recording = Recording(root.parent)
    from_cache = cache if linked else None
    done: dict[int, list[str]] = {}
    for version in (ONE, TWO):
        publish(root, recording, versions[version], from_cache)
        done[len(recording.moments)] = [one for one in (ONE, TWO) if one <= version]
    assert len(recording.moments) > 100
    for at, moment in enumerate(recording.moments, start=1):
        if at % step and at not in done:
            continue
        told = next((done[end] for end in sorted(done, reverse=True) if end <= at), [])
        for number, found in enumerate(moment):
            again = tmp_path / "again"
            found.lay_out(again)
            there = is_sound(again / "store")
            assert set(told) <= set(there), (at, number)
            if at % 5 == 0:
                for version in (ONE, TWO):
                    if version not in there:
                        publish(again / "store", Lazy(), versions[version])
                assert is_sound(again / "store") == [ONE, TWO]
            shutil.rmtree(again, ignore_errors=True)


def entries() -> list[Entry]:
    return [Entry("opt/algo/app/weights.bin", bytes(range(256)) * 20)]


def is_right(cache: Cache) -> None:
    """Use the layer as a build does: what is found must be what it says, else it is made."""
    for _ in range(2):
        found = find_layer(cache, LayerKind.MODEL, "weights", "inputs", compress=False)
        made = found or make_layer(
            cache, LayerKind.MODEL, "weights", "inputs", entries(), compress=False
        )
        assert Digest.of_file(made.blob) == made.descriptor.digest


def test_power_that_is_lost_while_the_cache_is_filled_leaves_no_wrong_layer(
    tmp_path: Path,
) -> None:
    recording = Recording(tmp_path)
    cache = Cache(tmp_path / "cache", recording, Held())
    is_right(cache)
    cache.put(b"config")
    cache.put(b"config")
    assert recording.moments
    for moment in recording.moments:
        for found in moment:
            again = tmp_path / "again"
            found.lay_out(again)
            is_right(Cache(again / "cache", Lazy(), Held()))
            shutil.rmtree(again, ignore_errors=True)


def test_a_seal_that_comes_before_its_content_would_be_seen_here(tmp_path: Path) -> None:
    class Hasty(Recording):
        """A disk that forgets to sync files."""

        def sync(self, descriptor: int) -> None:
            pass

    recording = Hasty(tmp_path)
    cache = Cache(tmp_path / "cache", recording, Held())
    is_right(cache)
    with pytest.raises(AssertionError):
        for number, found in enumerate(recording.moments[-1]):
            found.lay_out(tmp_path / f"again{number}")
            is_right(Cache(tmp_path / f"again{number}" / "cache", Lazy(), Held()))
