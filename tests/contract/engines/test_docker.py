"""What only containers can meet: an engine that goes away, a container that is removed."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from algo.engines.docker import DockerEngine
from algo.engines.docker_client import find
from algo.engines.docker_options import HOST_LABEL, SESSION_LABEL
from algo.engines.errors import EngineLost, GpuUnavailable, StartFailed
from algo.engines.gpu_facts import GpuFacts
from algo.engines.interface import Ended, Image, Instance
from algo.engines.processes import Process
from algo.engines.sessions import Sessions
from algo.events import silent
from algo.serving.start import StartOptions, running, start
from msgspec.structs import replace

from tests.fakes.engine_proxy import EngineProxy
from tests.fakes.engines import hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.serving.interface import Servable

    from tests.conftest import Engine

pytestmark = pytest.mark.engine
WAIT = {"Prefer": "wait=20"}


@pytest.fixture
def servable(minimal_image: str, tmp_path: Path) -> Servable:
    (tmp_path / "hello").mkdir()
    return replace(hello(tmp_path / "hello"), artifact=Image(minimal_image))


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    real = find(os.environ, Path.home()).removeprefix("unix://")
    proxy = EngineProxy(tmp_path / "engine.sock", real)
    yield proxy
    proxy.cut()


def test_a_volume_for_jobs_goes_with_its_container_unless_there_were_some(
    servable: Servable, sessions: Sessions, engine: Engine, tmp_path: Path
) -> None:
    docker = DockerEngine(sessions, os.environ, Path.home())
    folder = tmp_path / f"test-{os.getpid()}"
    options = StartOptions(jobs=folder)
    volumes = ("volume", "ls", "-q", "--filter", f"name=algo-jobs-{folder.name}")
    with running(docker, servable, options, silent) as instance:
        assert engine.docker(*volumes).split() == [f"algo-jobs-{folder.name}"]
        assert httpx.post(instance.url, json=1).json() == 2
    assert engine.docker(*volumes).split() == []
    with running(docker, servable, options, silent) as instance:
        assert httpx.put(f"{instance.url}/jobs/one", json=1).status_code == 202
    with running(docker, servable, options, silent) as instance:
        assert httpx.get(f"{instance.url}/jobs/one/result", headers=WAIT).json() == 2
    assert engine.docker(*volumes).split() == [f"algo-jobs-{folder.name}"]
    engine.docker("volume", "rm", f"algo-jobs-{folder.name}")


def ending(instance: Instance) -> Ended:
    deadline = time.monotonic() + 5
    while (ended := instance.ended()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return ended


def test_an_engine_that_goes_away_is_an_error_and_its_container_is_found_later(
    engine: Engine, servable: Servable, sessions: Sessions, proxy: EngineProxy, tmp_path: Path
) -> None:
    env = {"DOCKER_HOST": proxy.address}
    instance = start(DockerEngine(sessions, env, tmp_path), servable, StartOptions(), silent)
    proxy.cut()
    with pytest.raises(EngineLost) as caught:
        ending(instance)
    assert caught.value.exit_code == 3
    began = time.monotonic()
    instance.stop()
    assert time.monotonic() - began < 5
    (session,) = sessions.all()
    engine.docker("rm", "--force", session.container)
    sessions.remove(session.id)


def test_a_container_that_somebody_removes_has_ended(
    engine: Engine, servable: Servable, sessions: Sessions
) -> None:
    runs_on = DockerEngine(sessions, os.environ, Path.home())
    instance = start(runs_on, servable, StartOptions(), silent)
    (session,) = sessions.all()
    engine.docker("rm", "--force", session.container)
    assert "removed" in ending(instance).reason
    instance.stop()
    assert sessions.all() == []


def test_what_a_killed_command_left_goes_at_the_next_start(
    engine: Engine, servable: Servable, sessions: Sessions
) -> None:
    # As podman has it: the container goes on when its command is killed.
    assert isinstance(servable.artifact, Image)
    kept: dict[str, str] = {}
    for kind, host in (("docker", platform.node()), ("docker", "elsewhere"), ("virtualenv", "")):
        left = sessions.create(kind, "acme/hello", "")
        labels = [f"{SESSION_LABEL}={left.id}", f"{HOST_LABEL}={host}"]
        words = [word for label in labels for word in ("--label", label)]
        container = engine.docker("create", *words, servable.artifact.reference).strip()
        sessions.update(left.id, owner=Process(1, "never"), container=container)
        kept[left.id] = container
    gone = next(iter(kept))
    with running(DockerEngine(sessions, os.environ, Path.home()), servable, StartOptions(), silent):
        there = engine.docker("ps", "--all", "--quiet", "--no-trunc").split()
        assert {one for one, container in kept.items() if container not in there} == {gone}
        assert {session.id for session in sessions.all()} >= kept.keys() - {gone}
        assert gone not in {session.id for session in sessions.all()}
    engine.docker("rm", *(container for one, container in kept.items() if one != gone))


def test_an_image_that_is_not_there_is_named(
    engine: Engine, servable: Servable, sessions: Sessions
) -> None:
    runs_on = DockerEngine(sessions, os.environ, Path.home())
    missing = replace(servable, artifact=Image("algo.local/no/such:image"))
    with pytest.raises(StartFailed, match="no/such"):
        start(runs_on, missing, StartOptions(), silent)
    assert sessions.all() == []


def test_a_gpu_that_is_not_there_is_refused_before_anything_starts(
    engine: Engine, servable: Servable, sessions: Sessions
) -> None:
    runs_on = DockerEngine(sessions, os.environ, Path.home(), lambda: GpuFacts())
    with pytest.raises(GpuUnavailable) as caught:
        start(runs_on, servable, StartOptions(gpu="all"), silent)
    assert "driver" in caught.value.message
    assert sessions.all() == []


def test_the_image_carries_the_playground(
    engine: Engine, servable: Servable, sessions: Sessions
) -> None:
    runs_on = DockerEngine(sessions, os.environ, Path.home())
    with running(runs_on, servable, StartOptions(), silent) as instance:
        page = httpx.get(instance.url, headers={"Accept": "text/html"}, trust_env=False)
        loaded = re.findall(r'"(playground/[a-z.]+)"', page.text)
        assert loaded == ["playground/style.css", "playground/main.js"]
        for name in loaded:
            assert httpx.get(f"{instance.url}/{name}", trust_env=False).status_code == 200
