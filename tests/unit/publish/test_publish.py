"""Publishing as a whole, on fakes: cut off anywhere, done again, and by two at a time."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from algo.contract.compare import Finding, Level
from algo.events import Note, silent
from algo.oci.descriptor import Platform
from algo.oci.digest import Digest
from algo.oci.manifest import ImageManifest, decode
from algo.publish.errors import NotCommitted, VersionTooLow
from algo.publish.prepare import Wish
from algo.publish.publish import plan, publish
from algo.publish.repository import RegistryRepository
from algo.publish.source import Checkout
from algo.registry.errors import RegistryUnreachable, VersionExists
from algo.registry.layout import LayoutStore
from algo.signals import terminable
from algo.trust.attachment import PREDICATE
from algo.trust.statements import SBOM, SIGN
from algo.trust.verify import Asked, verify
from algo.versions.version import Bump, Version

from tests.fakes.publishing import Bench
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.events import Event
    from algo.publish.plan import Published
    from algo.registry.interface import Registry

NAME = "acme/digits"


def kinds(kind: str) -> Callable[[Path], Registry]:
    def made(folder: Path) -> Registry:
        return LayoutStore(folder / "store") if kind == "store" else MemoryRegistry()

    return made


@pytest.fixture(params=["memory", "store"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(tmp_path / "digits", kinds(request.param)(tmp_path))


def go(
    bench: Bench, wish: Wish | None = None, notify: Callable[[Event], None] = silent
) -> Published:
    return publish(
        bench.project, wish or Wish(), bench.tools, confirm=lambda plan: True, notify=notify
    )


def verified(bench: Bench, version: str) -> None:
    found = bench.registry.resolve(NAME, version)
    assert found is not None
    policy = bench.tools.keyring.policy()
    verify(RegistryRepository(bench.registry, NAME), Asked(NAME, version, found.digest), policy)


class Cut:
    """Presses Ctrl-C at the point with the number `at`: events, and both ends of each request."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0
        self.lock = threading.Lock()

    def __call__(self, event: Event | None = None) -> None:
        with self.lock:
            self.seen += 1
            if self.seen == self.at:
                raise KeyboardInterrupt

    def around(self, registry: Registry) -> Any:
        """Return `registry`, with a point before and after each of its methods."""
        cut = self

        class Points:
            address = registry.address

            def __getattr__(self, name: str) -> Any:
                method = getattr(registry, name)

                def call(*words: Any, **more: Any) -> Any:
                    cut()
                    got = method(*words, **more)
                    cut()
                    return got

                return call

        return Points()


@pytest.mark.parametrize("kind", ["memory", "store"])
def test_a_publish_that_is_cut_off_anywhere_ends_the_same_when_it_is_done_again(
    tmp_path: Path, kind: str
) -> None:
    whole = Bench(tmp_path / "whole" / "digits", kinds(kind)(tmp_path / "whole"))
    expected = go(whole)
    at, ended = 0, False
    while not ended:
        # Each point in memory; some of them where every write is brought to the disk.
        at += {"memory": 1, "store": 7}[kind]
        folder = tmp_path / str(at)
        registry, cut = kinds(kind)(folder), Cut(at)
        bench = Bench(folder / "digits", cut.around(registry))
        try:
            go(bench, notify=cut)
            ended = cut.seen < at
        except KeyboardInterrupt:
            # No version, or a whole one: the cut may have come in the moment of the tag.
            for tag in registry.tags(NAME):
                verified(bench, tag)
        bench.registry = registry
        done = go(bench)
        assert (done.version, done.digest, done.images) == (
            "1.0.0",
            expected.digest,
            expected.images,
        )
        assert registry.tags(NAME) == ["1.0.0"]
        assert 'version = "1.0.0"' in (bench.root / "algo.toml").read_text()
        verified(bench, "1.0.0")
        # One statement of each kind: the second attempt goes on with the time of the first.
        index = registry.resolve(NAME, "1.0.0")
        assert index is not None
        assert len(registry.referrers(NAME, index.digest)) == 6
    assert at > 50


@pytest.mark.parametrize("times", [1, 2])
def test_an_interruption_at_the_tag_does_not_leave_a_version_that_nobody_knows_of(
    tmp_path: Path, times: int
) -> None:
    """A signal that comes while the tag is written waits; a second one does not."""

    class Interrupted(MemoryRegistry):
        def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Any:
            written = super().tag(repository, tag, data, media_type)
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
            return written

    registry = Interrupted()
    bench, events = Bench(tmp_path / "digits", registry), list[object]()
    with terminable():
        if times == 1:
            assert go(bench, notify=events.append).version == "1.0.0"
            assert Note("the interruption came after it was published") in events
        else:
            with pytest.raises(KeyboardInterrupt):
                go(bench)
    assert registry.tags(NAME) == ["1.0.0"]
    again = go(bench)
    assert (again.version, again.unchanged, again.bytes_sent) == ("1.0.0", True, 0)
    assert 'version = "1.0.0"' in (bench.root / "algo.toml").read_text()


def test_nothing_is_published_twice(bench: Bench) -> None:
    first = go(bench)
    assert not first.unchanged
    again = go(bench)
    assert (again.unchanged, again.version, again.digest) == (True, "1.0.0", first.digest)
    assert plan(bench.project, Wish(), bench.tools, notify=silent).unchanged
    by_number = go(bench, Wish(version=Version(1, 0, 0)))
    assert (by_number.unchanged, by_number.digest) == (True, first.digest)
    assert bench.registry.tags(NAME) == ["1.0.0"]
    assert go(bench, Wish(bump=Bump.MINOR)).version == "1.1.0"
    bench.edit("def apply(x): return x + 1\n")
    assert go(bench).version == "1.1.1"


def test_a_lower_step_than_what_changed_asks_for_carries_its_reason(bench: Bench) -> None:
    go(bench)
    bench.edit("def apply(x): return {}\n")
    bench.findings = (Finding("output_removed", "output.digit", Level.MAJOR, "is gone"),)
    tested = bench.tested
    with pytest.raises(VersionTooLow):
        go(bench, Wish(bump=Bump.MINOR))
    assert bench.tested == tested, "its own tests were run for nothing"
    told = go(bench, Wish(bump=Bump.MINOR, breaking="nobody reads it"))
    assert told.version == "1.1.0"
    repository = RegistryRepository(bench.registry, "acme/digits")
    asked = Asked("acme/digits", "1.1.0", Digest.parse(told.digest))
    policy = bench.tools.keyring.policy()
    assert verify(repository, asked, policy).release.reason == "nobody reads it"


def test_one_version_runs_on_several_platforms(bench: Bench) -> None:
    both = (Platform("linux", "amd64"), Platform("linux", "arm64"))
    done = go(bench, Wish(platforms=both))
    assert list(done.images) == ["linux/amd64", "linux/arm64"]
    assert bench.tested == 1
    # What both share is there once; so is each layer in the report.
    assert len({layer.digest for layer in done.layers}) == len(done.layers) == 4
    index = Digest.parse(done.digest)
    policy = bench.tools.keyring.policy()
    repository = RegistryRepository(bench.registry, NAME)
    found = verify(repository, Asked(NAME, "1.0.0", index), policy)
    assert [image.platform for image in found.images] == list(done.images)
    assert found.provenance is not None
    parameters = found.provenance.build_definition.external_parameters
    assert parameters.platforms == tuple(done.images)
    assert len(found.statements[SBOM]) == 2
    for digest in done.images.values():
        assert attached(bench, Digest.parse(digest)) == {SIGN, SBOM}
    # Of one platform alone it is another version.
    assert go(bench).version == "1.0.1"
    assert go(bench, Wish(platforms=both[:1])).unchanged


def attached(bench: Bench, digest: Digest) -> set[str]:
    """Return the predicate types of what is attached to a digest."""
    found = bench.registry.referrers(NAME, digest)
    manifests = [bench.registry.get_manifest(NAME, str(one.digest))[0] for one in found]
    return {decode(data, ImageManifest).annotations[PREDICATE] for data in manifests}


def test_a_version_that_exists_with_other_contents_is_refused_before_it_is_tested(
    bench: Bench,
) -> None:
    go(bench)
    bench.edit("def apply(x): return x + 1\n")
    tested = bench.tested
    with pytest.raises(VersionExists):
        go(bench, Wish(version=Version(1, 0, 0)))
    assert bench.tested == tested


def test_what_is_not_committed_is_refused_before_anything_is_done(bench: Bench) -> None:
    bench.checkouts = Checkout("0" * 40, changed=("src/digits.py",))
    with pytest.raises(NotCommitted):
        go(bench)
    assert bench.tested == 0 and not (bench.root / "algo.lock").exists()
    assert plan(bench.project, Wish(), bench.tools, notify=silent).uncommitted == (
        "algo.lock",
        "src/digits.py",
    )
    assert go(bench, Wish(allow_dirty=True)).version == "1.0.0"


def test_of_two_that_publish_a_version_at_once_one_wins_and_the_other_is_told(
    tmp_path: Path,
) -> None:
    """Both have found the version free, and both have sent everything, before either goes on."""
    store = tmp_path / "store"
    barrier = threading.Barrier(2)
    ended: dict[str, str] = {}

    def one(name: str) -> None:
        bench = Bench(tmp_path / name / "digits", LayoutStore(store))
        bench.edit(f"def apply(x): return {name!r}\n")

        def wait(event: Event) -> None:
            if getattr(event, "text", "") == "Attaching signatures":
                barrier.wait(20)

        try:
            ended[name] = go(bench, notify=wait).digest
        except VersionExists as error:
            ended[name] = error.code

    threads = [threading.Thread(target=one, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ended) == ["ada", "bob"]
    assert list(ended.values()).count("version_exists") == 1
    (digest,) = set(ended.values()) - {"version_exists"}
    found = LayoutStore(store).resolve(NAME, "1.0.0")
    assert found is not None and str(found.digest) == digest


def test_a_registry_that_goes_away_leaves_no_version(tmp_path: Path) -> None:
    class Gone(MemoryRegistry):
        left = 9

        def push_manifest(
            self, repository: str, data: bytes, media_type: str, *, tag: str = ""
        ) -> Any:
            self.left -= 1
            if self.left == 0:
                raise RegistryUnreachable("gone")
            return super().push_manifest(repository, data, media_type, tag=tag)

    registry = Gone()
    bench = Bench(tmp_path / "digits", registry)
    for number in range(1, 9):
        registry.left = number
        with pytest.raises(RegistryUnreachable):
            go(bench)
        assert registry.tags(NAME) == []
    registry.left = 0
    assert go(bench).version == "1.0.0"


def test_a_version_that_is_too_low_is_refused_before_anything_is_built(bench: Bench) -> None:
    go(bench, Wish(version=Version(1, 0, 0)))
    events: list[Event] = []
    with pytest.raises(VersionTooLow, match=r"0\.1\.0 is below 1\.0\.0"):
        go(bench, Wish(version=Version(0, 1, 0)), events.append)
    assert events == []
