"""What images ask of a container engine, held on the fake and on the real one."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.engines.docker_client import find
from algo.engines.docker_images import DockerImages
from algo.images.cache import Cache
from algo.images.config import assemble_runtime
from algo.images.docker_archive import archive
from algo.images.image import LayerKind
from algo.images.layer import make_layer
from algo.images.tree import Entry

from tests.fakes.images import FakeImageEngine
from tests.unit.images.projects import AMD64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.image import BuiltImage
    from algo.images.interface import ImageEngine


@pytest.fixture
def owner() -> str:
    return f"test{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["fake", "real"])
def images(request: pytest.FixtureRequest, owner: str) -> Iterator[ImageEngine]:
    if request.param == "fake":
        yield FakeImageEngine()
        return
    docker = request.getfixturevalue("engine")
    yield DockerImages(find(os.environ, Path.home()), os.environ)
    for line in docker.docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
        if f"/{owner}/" in line:
            docker.docker("rmi", "--force", line)


def image(root: Path, owner: str, *contents: str) -> BuiltImage:
    cache = Cache(root)
    layers = [
        make_layer(
            cache,
            LayerKind.CODE,
            "code",
            content,
            [Entry("file", content.encode())],
            compress=bool(place),
        )
        for place, content in enumerate(contents)
    ]
    return assemble_runtime(f"{owner}/x", AMD64, tuple(layers), "/bin", cache)


def test_a_whole_archive_is_loaded_and_known_by_its_layers(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = image(tmp_path, owner, owner, "b")

    assert not images.has(made.tag)
    assert images.load(archive((made,))) == ""
    assert images.has(made.tag)
    assert images.layers_of(f"algo.local/{owner}/x") == (
        tuple(str(layer.diff_id) for layer in made.layers),
    )
    assert images.layers_of("algo.local/nobody/x") == ()


def test_layers_that_the_engine_has_may_be_empty(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    images.load(archive((image(tmp_path, owner, owner, "b"),)))
    edited = image(tmp_path, owner, owner, "c")

    assert images.load(archive((edited,), known=1)) == ""
    assert images.has(edited.tag)


def test_layers_that_the_engine_lacks_may_not_be_empty(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = image(tmp_path, owner, owner, "b")

    assert images.load(archive((made,), known=1)) != ""
    assert not images.has(made.tag)


def test_the_oldest_images_of_a_name_are_pruned(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = [image(tmp_path, owner, owner, str(number)) for number in range(4)]
    for one in made:
        images.load(archive((one,)))
        images.touch(one.tag)
    images.prune(f"algo.local/{owner}/x", keep=2)

    assert [images.has(one.tag) for one in made] == [False, False, True, True]


def test_a_removed_image_is_gone(images: ImageEngine, tmp_path: Path, owner: str) -> None:
    made = image(tmp_path, owner, owner)
    images.load(archive((made,)))
    images.remove(made.tag)
    images.remove(made.tag)

    assert not images.has(made.tag)


def test_a_build_is_exported_with_its_layers(images: ImageEngine, owner: str) -> None:
    lines: list[str] = []
    tag = f"algo.local/{owner}/build:1"
    recipe = b"ARG BASE\nFROM ${BASE}\nRUN true > /made\n"
    built = images.build(recipe, "debian:trixie-slim", tag, {}, str(AMD64), lines.append)
    (layers,) = images.layers_of(f"algo.local/{owner}/build")

    assert built.private < set(layers)
    assert built.began > 0
    assert sum(len(chunk) for chunk in images.export(tag)) > 0
    assert any(line.startswith("Step ") for line in lines)


def test_the_tag_follows_the_content(tmp_path: Path, owner: str) -> None:
    one = image(tmp_path, owner, "a")

    assert replace(one).tag == image(tmp_path, owner, "a").tag
    assert one.tag != image(tmp_path, owner, "b").tag
