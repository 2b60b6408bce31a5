"""Versions from one registry to another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from algo.events import Note, Progress, Warned, silent
from algo.oci.descriptor import Descriptor
from algo.oci.errors import BadDocument
from algo.oci.manifest import DescriptorDocument, Index, decode, encode
from algo.oci.media_types import INDEX, LAYER
from algo.registry.copy import copy_version
from algo.registry.errors import BlobCorrupted, NotFound, VersionExists
from algo.registry.interface import Transfer
from algo.registry.layout import LayoutStore
from algo.registry.sending import Outgoing, push_blobs
from algo.registry.streams import chunks_of, reporting
from algo.registry.tally import Tally

from tests.contract.registry.content import NAME, OTHER, blob, push_image, push_referrer
from tests.fakes.registry import MemoryRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Event, Notify
    from algo.registry.interface import Source


class Reporting(MemoryRegistry):
    """A registry that drops what it takes, and tells how far it is."""

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        for _ in reporting(chunks_of(source), "pushing", descriptor.size, notify):
            pass
        return Transfer(descriptor.digest, descriptor.size, "sent", descriptor.size)


def published(registry: MemoryRegistry) -> Descriptor:
    """Publish 1.0.0 with a signature on the index, one on the image and one on a signature."""
    pushed = push_image(registry, b"layer")
    index = registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    push_referrer(registry, index, b"signature of the index")
    signature = push_referrer(registry, pushed.image, b"signature of the image")
    push_referrer(registry, signature, b"signature of the signature")
    return index


def test_a_version_is_copied_with_all_that_refers_to_it(tmp_path: Path) -> None:
    source, target = MemoryRegistry(), LayoutStore(tmp_path)
    index = published(source)
    copied = copy_version(source, NAME, "1.0.0", target, OTHER, tag="2.0.0", notify=silent)
    assert copied.descriptor == index
    assert len(copied.referrers) == 3
    assert {transfer.how for transfer in copied.transfers} == {"sent"}
    assert target.get_manifest(OTHER, "2.0.0") == source.get_manifest(NAME, "1.0.0")
    back = MemoryRegistry()
    copy_version(target, OTHER, "2.0.0", back, NAME, tag="1.0.0", notify=silent)
    assert back.repository(NAME).manifests == source.repository(NAME).manifests
    assert back.repository(NAME).blobs == source.repository(NAME).blobs


def test_a_second_copy_sends_nothing() -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    published(source)
    first = copy_version(source, NAME, "1.0.0", target, NAME, notify=silent)
    again = copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
    assert first.bytes_sent > 0
    assert again.bytes_sent == 0
    assert {transfer.how for transfer in again.transfers} == {"reused"}


def test_a_taken_tag_is_refused() -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    published(source)
    copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
    with pytest.raises(VersionExists):
        copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)


def test_a_copy_that_fails_leaves_no_version() -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    published(source)
    there = source.repository(NAME).blobs
    layer = blob(b"layer").digest
    there[layer] = b"lay3r"
    with pytest.raises(BlobCorrupted):
        copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
    del there[layer]
    with pytest.raises(NotFound):
        copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)
    assert target.tags(NAME) == []


def test_a_referrer_that_is_gone_is_left_out_and_said(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "a"), MemoryRegistry()
    pushed = push_image(source, b"layer")
    index = source.tag(NAME, "1.0.0", pushed.index, INDEX)

    class Forgetful(MemoryRegistry):
        def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
            if tag_or_digest == str(lost.digest):
                raise NotFound("it is gone", repository=repository)
            return super().get_manifest(repository, tag_or_digest)

    forgetful = Forgetful()
    lost = push_referrer(source, index, b"lost")
    copy_version(source, NAME, "1.0.0", forgetful, NAME, tag="1.0.0", notify=silent)
    events: list[Event] = []
    copied = copy_version(forgetful, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=events.append)
    assert copied.referrers == ()
    assert [event.text for event in events if isinstance(event, Warned)] == [
        f"{lost.digest.short} is not copied: it is gone"
    ]


def test_an_index_within_indexes_without_an_end_is_refused() -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    data = push_image(source, b"layer").index
    for _ in range(12):
        inner = source.push_manifest(NAME, data, INDEX)
        entry = DescriptorDocument.of(inner)
        outer = Index(schema_version=2, media_type=INDEX, manifests=(entry,))
        data = encode(outer)
    source.tag(NAME, "1.0.0", data, INDEX)
    assert decode(data, Index).manifests
    with pytest.raises(BadDocument, match="too many parts"):
        copy_version(source, NAME, "1.0.0", target, NAME, tag="1.0.0", notify=silent)


def test_blobs_are_pushed_beside_each_other_and_each_once() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def source(data: bytes) -> Outgoing:
        def pieces() -> list[bytes]:
            meeting.wait()
            return [data]

        return Outgoing(blob(data), lambda: iter(pieces()))

    events: list[Event] = []
    pushed = push_blobs(
        MemoryRegistry(),
        NAME,
        [source(b"one"), source(b"three"), source(b"one")],
        notify=events.append,
    )
    assert [transfer.size for transfer in pushed] == [5, 3]


def test_a_push_that_fails_stops_those_beside_it() -> None:
    begun = threading.Event()

    def endless() -> Iterator[bytes]:
        while True:
            begun.set()
            yield b"x" * (1 << 20)

    def failing() -> Iterator[bytes]:
        assert begun.wait(20)
        raise NotFound("it is gone", repository=NAME)
        yield b""

    huge = Descriptor(LAYER, blob(b"huge").digest, 1 << 45)
    with pytest.raises(NotFound):
        push_blobs(
            Reporting(),
            NAME,
            [Outgoing(huge, endless), Outgoing(blob(b"gone"), failing)],
            notify=silent,
        )


def test_trouble_of_several_transfers_is_told_once_until_something_passes() -> None:
    events: list[Event] = []
    tally = Tally("Sending", events.append)
    one, other = blob(b"one" * 100), blob(b"other" * 100)
    for descriptor in (one, other):
        tally.expect(descriptor)
    trouble = Note("registry.example.com does not answer: trying again")
    for descriptor in (one, other, one):
        tally.event(descriptor, trouble)
        tally.event(descriptor, Progress("pushing", 0, 300))
    assert events.count(trouble) == 1
    assert tally.stuck
    tally.event(one, Progress("pushing", 100, 300))
    assert not tally.stuck
    tally.event(other, trouble)
    assert events.count(trouble) == 2
