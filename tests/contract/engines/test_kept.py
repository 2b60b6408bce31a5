"""Images and volumes of ours in a real engine, for whoever makes room."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.engines.docker_client import find
from algo.engines.docker_images import DockerImages
from algo.engines.kept import EngineImages, JobVolumes
from algo.engines.mine import Mine
from algo.storage.room import Limits, prune

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Engine

ALL = Limits(everything=True)
# Other runs use the engine, too: only images of this owner are looked at.
OWNER = f"algo.local/kept-{os.getpid()}"


@pytest.fixture
def images(engine: Engine, minimal_image: str) -> Iterator[EngineImages]:
    """Images that nobody else has, `used` and `idle`."""
    tags = [f"{OWNER}/used:1", f"{OWNER}/idle:1"]
    for tag in tags:
        container = engine.docker("create", minimal_image)
        engine.docker("commit", "--message", tag, container, tag)
        engine.docker("rm", container)
    yield EngineImages(find(os.environ, Path.home()), f"{OWNER}/*")
    for tag in tags:
        if engine.docker("images", "--quiet", tag):
            engine.docker("rmi", tag)


def test_an_image_goes_unless_a_container_has_it(engine: Engine, images: EngineImages) -> None:
    container = engine.docker("create", f"{OWNER}/used:1")
    done = prune([images], ALL, time.time(), dry_run=False)
    engine.docker("rm", container)
    assert [one.name for one in done.removed] == [f"{OWNER}/idle:1"]
    assert [(one.name, one.why) for one in done.stayed] == [
        (f"{OWNER}/used:1", "a container has it")
    ]
    assert done.removed[0].bytes > 10**6
    assert [item.kept for item in images.items()] == [""]
    assert prune([images], ALL, time.time(), dry_run=False).removed
    assert images.items() == []


def test_an_image_that_others_alone_have_used_stays(
    engine: Engine, images: EngineImages, tmp_path: Path
) -> None:
    mine = Mine(tmp_path / "notes", images.address)
    uses = DockerImages(images.address, os.environ, mine.use)
    assert uses.has(f"{OWNER}/idle:1") and not uses.has(f"{OWNER}/absent:1")
    ours = EngineImages(images.address, images.names, mine)
    done = prune([ours], ALL, time.time(), dry_run=False)
    assert [one.name for one in done.removed] == [f"{OWNER}/idle:1"]
    (other,) = done.stayed
    assert other.name == f"{OWNER}/used:1" and "--everyone" in other.why
    assert mine.used(f"{OWNER}/idle:1") is None
    assert prune([images], ALL, time.time(), dry_run=False).removed


def test_a_volume_of_jobs_is_shown_and_stays(engine: Engine) -> None:
    name = f"algo-jobs-kept-{os.getpid()}"
    engine.docker("volume", "create", name)
    volumes = JobVolumes(find(os.environ, Path.home()))
    assert name in {item.name for item in volumes.items()}
    mine = next(item for item in volumes.items() if item.name == name)
    assert volumes.remove(mine) == mine.kept
    assert name in {item.name for item in volumes.items()}
    engine.docker("volume", "rm", name)


def test_without_an_engine_there_is_nothing(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/absent.sock"
    assert EngineImages(address).items() == JobVolumes(address).items() == []
