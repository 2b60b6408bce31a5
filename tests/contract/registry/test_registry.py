"""What every registry does: the fake, the embedded store and real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.errors import AlgoError
from algo.events import silent
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX, MANIFEST
from algo.registry.errors import BlobCorrupted, NotFound, VersionExists

from tests.contract.registry.content import blob, push_image, push_referrer

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Event
    from algo.registry.interface import Registry, Source


def test_a_new_repository_has_nothing(registry: Registry, name: str) -> None:
    assert registry.tags(name) == []
    assert registry.resolve(name, "1.0.0") is None
    assert registry.resolve(name, str(Digest.of(b"x"))) is None
    assert registry.referrers(name, Digest.of(b"x")) == []
    assert not registry.has_blob(name, Digest.of(b"x"))
    with pytest.raises(NotFound) as caught:
        registry.get_manifest(name, "1.0.0")
    assert caught.value.hint == f"algo versions {name}"
    with pytest.raises(NotFound):
        list(registry.open_blob(name, blob(b"x")))


def test_a_blob_comes_back_as_it_was_sent(registry: Registry, name: str, tmp_path: Path) -> None:
    large = bytes(range(256)) * 16_384
    file = tmp_path / "large"
    file.write_bytes(large)
    for data, source in (
        (b"small", b"small"),
        (b"", b""),
        (large, file),
        (b"parts", lambda: iter([b"pa", b"rts"])),
    ):
        sent = registry.push_blob(name, blob(data), source, notify=silent)
        assert (sent.how, sent.size, sent.bytes_sent) == ("sent", len(data), len(data))
        assert registry.has_blob(name, Digest.of(data))
        assert b"".join(registry.open_blob(name, blob(data))) == data


def test_a_blob_is_sent_once(registry: Registry, name: str) -> None:
    registry.push_blob(name, blob(b"once"), b"once", notify=silent)
    again = registry.push_blob(name, blob(b"once"), b"once", notify=silent)
    assert (again.how, again.bytes_sent) == ("reused", 0)


def test_a_blob_of_another_repository_is_mounted(registry: Registry, name: str) -> None:
    registry.push_blob(name, blob(b"shared"), b"shared", notify=silent)
    second = f"{name}-second"
    got = registry.push_blob(second, blob(b"shared"), b"shared", mount_from=name, notify=silent)
    # A registry with one pool of blobs has it already; one that can't mount gets it sent.
    assert got.how in {"mounted", "reused"}
    assert got.bytes_sent == 0
    assert b"".join(registry.open_blob(second, blob(b"shared"))) == b"shared"


def test_what_a_push_will_send_is_known_before(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    def foreseen_and_done(repository: str, source: Source, mount_from: str = "") -> tuple[str, str]:
        wanted = blob(b"foreseen")
        before = registry.foresee(repository, wanted, source, mount_from=mount_from)
        assert registry.foresee(repository, wanted, source, mount_from=mount_from) == before
        done = registry.push_blob(repository, wanted, source, mount_from=mount_from, notify=silent)
        return before, done.how

    assert foreseen_and_done(name, b"foreseen") == ("sent", "sent")
    assert foreseen_and_done(name, b"foreseen") == ("reused", "reused")
    before, done = foreseen_and_done(f"{name}-second", b"foreseen", mount_from=name)
    # A registry with one pool of blobs has it in every repository.
    assert before == done != "sent"


def test_a_source_with_other_bytes_than_said_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(BlobCorrupted):
        registry.push_blob(name, blob(b"right"), b"wrong", notify=silent)
    with pytest.raises(BlobCorrupted):
        registry.push_blob(name, blob(b"right"), b"right and more", notify=silent)
    assert not registry.has_blob(name, Digest.of(b"right"))


def test_a_published_version_resolves_to_its_index(registry: Registry, name: str) -> None:
    pushed = push_image(registry, b"layer", name)
    registry.push_manifest(name, pushed.index, INDEX)
    registry.tag(name, "1.0.0", pushed.index, INDEX)
    found = registry.resolve(name, "1.0.0")
    assert found is not None
    assert (found.digest, found.size, found.media_type) == (
        pushed.digest,
        len(pushed.index),
        INDEX,
    )
    assert registry.get_manifest(name, "1.0.0") == (pushed.index, found)
    assert registry.get_manifest(name, str(pushed.digest)) == (pushed.index, found)
    assert registry.resolve(name, str(pushed.image.digest)) == pushed.image


def test_a_published_version_never_changes(registry: Registry, name: str) -> None:
    first = push_image(registry, b"first", name)
    registry.tag(name, "1.0.0", first.index, INDEX)
    second = push_image(registry, b"second", name)
    with pytest.raises(VersionExists) as caught:
        registry.tag(name, "1.0.0", second.index, INDEX)
    assert caught.value.exit_code == 5
    found = registry.resolve(name, "1.0.0")
    assert found is not None
    assert found.digest == first.digest


def test_a_tag_that_is_no_version_can_move(registry: Registry, name: str) -> None:
    first, second = push_image(registry, b"first", name), push_image(registry, b"second", name)
    registry.push_manifest(name, first.index, INDEX, tag="latest")
    registry.push_manifest(name, second.index, INDEX, tag="latest")
    found = registry.resolve(name, "latest")
    assert found is not None
    assert found.digest == second.digest
    assert registry.resolve(name, str(first.digest)) is not None
    assert registry.tags(name) == ["latest"]


def test_one_content_can_have_two_tags(registry: Registry, name: str) -> None:
    pushed = push_image(registry, b"layer", name)
    registry.tag(name, "1.0.0", pushed.index, INDEX)
    registry.tag(name, "1.0.1", pushed.index, INDEX)
    assert registry.tags(name) == ["1.0.0", "1.0.1"]
    assert registry.resolve(name, "1.0.0") == registry.resolve(name, "1.0.1")


def test_referrers_of_an_image_and_of_its_index_are_listed(registry: Registry, name: str) -> None:
    pushed = push_image(registry, b"layer", name)
    index = registry.push_manifest(name, pushed.index, INDEX)
    on_index = {push_referrer(registry, index, text, name).digest for text in (b"one", b"two")}
    on_image = push_referrer(registry, pushed.image, b"three", name)
    push_referrer(registry, pushed.image, b"three", name)
    found = registry.referrers(name, index.digest)
    assert {descriptor.digest for descriptor in found} == on_index
    assert [descriptor.digest for descriptor in found] == sorted(on_index)
    only = registry.referrers(name, pushed.image.digest)
    assert [(d.digest, d.size, d.media_type) for d in only] == [
        (on_image.digest, on_image.size, MANIFEST)
    ]
    assert registry.referrers(name, on_image.digest) == []


def test_referrers_do_not_show_as_versions(registry: Registry, name: str) -> None:
    pushed = push_image(registry, b"layer", name)
    index = registry.tag(name, "1.0.0", pushed.index, INDEX)
    push_referrer(registry, index, b"one", name)
    for suffix in (".sig", ".att", ".sbom", ""):
        tag = f"sha256-{pushed.digest.hex}{suffix}"
        if suffix:
            registry.push_manifest(name, pushed.index, INDEX, tag=tag)
    assert registry.tags(name) == ["1.0.0"]


def test_what_is_no_manifest_is_refused(registry: Registry, name: str) -> None:
    for data, media_type in ((b"{", MANIFEST), (b"[]", INDEX), (b"{}", "text/plain")):
        with pytest.raises(AlgoError):
            registry.push_manifest(name, data, media_type)


def test_progress_ends_at_the_size(registry: Registry, name: str) -> None:
    seen: list[Event] = []
    data = b"x" * 3_000_000
    registry.push_blob(name, blob(data), data, notify=seen.append)
    for event in seen[-1:]:
        assert getattr(event, "done", None) == getattr(event, "total", None) == len(data)
