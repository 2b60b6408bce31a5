"""Registries that are read through mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.events import Warned, silent
from algo.oci.digest import Digest
from algo.oci.media_types import INDEX
from algo.registry.errors import BadMirrors, BlobCorrupted, NotFound, RegistryUnreachable
from algo.registry.mirrors import MirroredRegistry, mirrors_of
from algo.registry.opening import open_registry
from algo.registry.transport import Patience
from algo.resources import user_folders

from tests.contract.registry.content import blob, push_image
from tests.unit.registry.server import Fault, Scene, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Event
    from algo.registry.interface import Registry

NAME = "acme/digits"
LARGE = bytes(range(256)) * 40_000


@pytest.fixture
def mirror() -> Iterator[Scene]:
    """A second registry."""
    with serving() as running:
        yield running


@pytest.fixture
def said() -> list[Event]:
    """The warnings."""
    return []


@pytest.fixture
def registry(scene: Scene, mirror: Scene, said: list[Event], tmp_path: Path) -> Registry:
    """The registry of the scene, read through the mirror."""
    env = {"ALGO_REGISTRY_MIRRORS": f"{scene.address}={mirror.address}/cache"}
    patience = Patience(attempts=1, sleep=lambda _: None)
    folders = user_folders(str(tmp_path))
    opened = open_registry(scene.address, folders, env, patience=patience, notify=said.append)
    assert isinstance(opened, MirroredRegistry)
    return opened


def test_content_comes_from_the_mirror_and_goes_to_the_registry(
    registry: Registry, scene: Scene, mirror: Scene
) -> None:
    pushed = push_image(registry, LARGE, NAME)
    registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    assert not mirror.blobs
    assert not mirror.count("PUT|PATCH|POST")
    mirror.blobs = dict(scene.blobs)
    there = {(f"cache/{name}", what): kept for (name, what), kept in scene.manifests.items()}
    mirror.manifests = there
    scene.seen.clear()
    assert b"".join(registry.open_blob(NAME, blob(LARGE))) == LARGE
    assert registry.get_manifest(NAME, str(pushed.digest))[0] == pushed.index
    assert not scene.seen
    found = registry.resolve(NAME, "1.0.0")
    assert found is not None
    assert found.digest == pushed.digest
    assert scene.seen == [f"HEAD /v2/{NAME}/manifests/1.0.0"]
    assert mirror.count("/v2/cache/acme/digits/") == len(mirror.seen)


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_what_the_mirror_lacks_or_spoils_comes_from_the_registry(
    registry: Registry, scene: Scene, mirror: Scene, said: list[Event], data: bytes
) -> None:
    registry.push_blob(NAME, blob(data), data, notify=silent)
    assert b"".join(registry.open_blob(NAME, blob(data))) == data
    assert not said
    mirror.blobs[str(Digest.of(data))] = bytes([data[0] ^ 1]) + data[1:]
    assert b"".join(registry.open_blob(NAME, blob(data))) == data
    (warning,) = said
    assert isinstance(warning, Warned)
    assert f"the mirror {mirror.address} is not used" in warning.text
    asked = mirror.count("GET")
    assert b"".join(registry.open_blob(NAME, blob(data))) == data
    assert mirror.count("GET") == asked


def test_what_neither_has_right_is_refused(registry: Registry, scene: Scene, mirror: Scene) -> None:
    with pytest.raises(NotFound):
        list(registry.open_blob(NAME, blob(b"x")))
    for place in (scene, mirror):
        place.blobs[str(Digest.of(b"x"))] = b"y"
    with pytest.raises(BlobCorrupted):
        list(registry.open_blob(NAME, blob(b"x")))


def test_names_come_from_the_mirror_where_the_registry_is_out_of_reach(
    registry: Registry, scene: Scene, mirror: Scene, said: list[Event]
) -> None:
    pushed = push_image(registry, b"layer", NAME)
    registry.tag(NAME, "1.0.0", pushed.index, INDEX)
    there = {(f"cache/{name}", what): kept for (name, what), kept in scene.manifests.items()}
    mirror.manifests = there
    scene.faults = [Fault(".", times=99, cut=0)]
    asked = len(scene.seen)
    assert registry.tags(NAME) == ["1.0.0"]
    found = registry.resolve(NAME, "1.0.0")
    assert found is not None
    assert found.digest == pushed.digest
    assert len(scene.seen) == asked + 1
    assert len(said) == 1
    mirror.faults = [Fault(".", times=99, cut=0)]
    with pytest.raises(RegistryUnreachable):
        registry.tags(NAME)


def test_mirrors_are_named_by_the_environment_or_a_file(tmp_path: Path) -> None:
    assert mirrors_of("a.example.com", {}, tmp_path) == ()
    file = tmp_path / "registries.toml"
    file.write_text(
        '[mirrors]\n"a.example.com" = ["m.example.com:5000", "h.example.com/proxy"]\n',
        encoding="utf-8",
    )
    both = ("m.example.com:5000", "h.example.com/proxy")
    assert mirrors_of("a.example.com", {}, tmp_path) == both
    assert mirrors_of("b.example.com", {}, tmp_path) == ()
    env = {"ALGO_REGISTRY_MIRRORS": "a.example.com=x.example.com, b.example.com=y.example.com,"}
    assert mirrors_of("a.example.com", env, tmp_path) == ("x.example.com",)
    assert mirrors_of("b.example.com", env, tmp_path) == ("y.example.com",)
    for wrong in ("a.example.com", "a.example.com=https://x.example.com", "a.example.com="):
        with pytest.raises(BadMirrors) as caught:
            mirrors_of("a.example.com", {"ALGO_REGISTRY_MIRRORS": wrong}, tmp_path)
        assert caught.value.exit_code == 2
    texts = ('mirrors = "x"', "[mirror]", "[", '[mirrors]\n"a.example.com" = ["https://x"]')
    for text in texts:
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadMirrors):
            mirrors_of("a.example.com", {}, tmp_path)
