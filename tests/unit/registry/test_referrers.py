"""Referrers on a registry without the Referrers API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.oci.media_types import INDEX
from algo.registry.documents import fallback_tag
from algo.registry.errors import RegistryRefused

from tests.contract.registry.content import NAME, push_image, push_referrer
from tests.unit.registry.server import Fault, Scene

if TYPE_CHECKING:
    from algo.registry.http import HttpRegistry


def test_the_fallback_tag_lists_them(registry: HttpRegistry, scene: Scene) -> None:
    pushed = push_image(registry, b"layer")
    index = registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    written = {push_referrer(registry, index, text).digest for text in (b"one", b"two")}
    tag = fallback_tag(index.digest)
    assert (NAME, tag) in scene.manifests
    assert {found.digest for found in registry.referrers(NAME, index.digest)} == written
    assert registry.tags(NAME) == ["1.0.0"]


def test_an_entry_that_another_writer_overwrote_is_written_again(
    registry: HttpRegistry, scene: Scene
) -> None:
    pushed = push_image(registry, b"layer")
    index = registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    lost = Fault("PUT .*manifests/sha256-", status=201)
    scene.faults = [lost]
    written = push_referrer(registry, index, b"one")
    assert [found.digest for found in registry.referrers(NAME, index.digest)] == [written.digest]
    assert lost.times == 0


def test_a_registry_that_keeps_no_list_is_named(registry: HttpRegistry, scene: Scene) -> None:
    pushed = push_image(registry, b"layer")
    index = registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    scene.faults = [Fault("PUT .*manifests/sha256-", status=201, times=99)]
    with pytest.raises(RegistryRefused):
        push_referrer(registry, index, b"one")
