"""GPUs in real containers: a CDI file stands in for the driver, the way to it is the real one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from algo.engines.docker import DockerEngine
from algo.engines.errors import GpuUnavailable
from algo.engines.gpu import EngineGpu
from algo.engines.gpu_facts import GpuFacts
from algo.engines.interface import Image
from algo.engines.sessions import Sessions
from algo.events import silent
from algo.serving.start import StartOptions, running, start
from msgspec.structs import replace

from tests.fakes.engines import hello
from tests.machine import tools
from tests.machine.podman import podman
from tests.machine.private_engine import PrivateEngine, private_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.serving.interface import Servable

    from tests.conftest import Engine

pytestmark = pytest.mark.engine

SOURCE = """\
import os


def apply(input):
    names = ("NVIDIA_STAND_IN", "NVIDIA_VISIBLE_DEVICES")
    found = {name: os.environ.get(name) for name in names}
    return {"node": os.path.exists("/dev/nvidia0"), **found}
"""
NODE = {"deviceNodes": [{"path": "/dev/nvidia0", "hostPath": "/dev/null"}]}
CDI = {
    "cdiVersion": "0.5.0",
    "kind": "nvidia.com/gpu",
    "devices": [{"name": name, "containerEdits": NODE} for name in ("0", "all")],
    "containerEdits": {"env": ["NVIDIA_STAND_IN=1"]},
}
RUNTIME = '#!/bin/sh\nexec runc "$@"\n'


@pytest.fixture(scope="module")
def docker28(minimal_image: str) -> Iterator[PrivateEngine]:
    """A Docker 28 that finds the CDI file, with a runtime called nvidia."""
    programs = tools.fetch("docker28").parents[2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cdi").mkdir()
        (folder / "cdi" / "nvidia.json").write_text(json.dumps(CDI))
        (folder / "nvidia").write_text(RUNTIME)
        (folder / "nvidia").chmod(0o755)
        runtime = f"nvidia={folder / 'nvidia'}"
        options = ("--cdi-spec-dir", str(folder / "cdi"), "--add-runtime", runtime)
        with private_engine(
            folder, minimal_image, number=252, programs=programs, options=options
        ) as engine:
            yield engine


@pytest.fixture
def servable(minimal_image: str, tmp_path: Path) -> Servable:
    (tmp_path / "hello").mkdir()
    return replace(hello(tmp_path / "hello", SOURCE), artifact=Image(minimal_image))


@pytest.fixture
def runs_on(docker28: PrivateEngine, tmp_path: Path) -> DockerEngine:
    env = {"DOCKER_HOST": docker28.address}
    return DockerEngine(Sessions(tmp_path / "sessions"), env, tmp_path, GpuFacts)


class WithoutCdi(DockerEngine):
    """As an engine in which nobody made a CDI file."""

    def gpu_support(self) -> EngineGpu:
        return replace(super().gpu_support(), cdi=False)


class Promising(DockerEngine):
    """As Docker Desktop says of itself."""

    def gpu_support(self) -> EngineGpu:
        return EngineGpu(desktop=True)


def seen(runs_on: DockerEngine, servable: Servable, gpu: str) -> Any:
    with running(runs_on, servable, StartOptions(gpu=gpu), silent) as instance:
        return httpx.post(instance.url, json={}, trust_env=False).json()


def test_the_engine_tells_the_devices_that_it_found(runs_on: DockerEngine) -> None:
    support = runs_on.gpu_support()
    assert (support.cdi, support.devices) == (True, ("0", "all"))
    assert support.nvidia_runtime


@pytest.mark.parametrize("gpu", ["all", "1", "id:0"])
def test_a_cdi_device_reaches_the_algorithm(
    runs_on: DockerEngine, servable: Servable, gpu: str
) -> None:
    found = seen(runs_on, servable, gpu)
    assert (found["node"], found["NVIDIA_STAND_IN"]) == (True, "1")


def test_without_asking_there_is_no_gpu(runs_on: DockerEngine, servable: Servable) -> None:
    found = seen(runs_on, servable, "")
    assert (found["node"], found["NVIDIA_STAND_IN"]) == (False, None)


def test_an_algorithm_that_is_made_for_a_gpu_gets_one_without_asking(
    runs_on: DockerEngine, servable: Servable
) -> None:
    description = json.dumps({**json.loads(servable.description), "gpu": True}).encode()
    assert seen(runs_on, replace(servable, description=description), "")["node"] is True


def test_a_device_that_the_engine_has_not_is_refused(runs_on: DockerEngine) -> None:
    with pytest.raises(GpuUnavailable, match="there is no GPU 7: there are 0, all"):
        runs_on.require_gpu("id:7")
    with pytest.raises(GpuUnavailable, match="2 GPUs were asked for and there is 1"):
        runs_on.require_gpu("2")


def test_the_nvidia_runtime_is_taken_where_there_is_no_cdi_file(
    docker28: PrivateEngine, servable: Servable, tmp_path: Path
) -> None:
    sessions = Sessions(tmp_path / "sessions")
    runs_on = WithoutCdi(sessions, {"DOCKER_HOST": docker28.address}, tmp_path, GpuFacts)
    options = StartOptions(gpu="id:0")
    with running(runs_on, servable, options, silent) as instance:
        found = httpx.post(instance.url, json={}, trust_env=False).json()
        (session,) = sessions.all()
        words = ("inspect", "--format", "{{.HostConfig.Runtime}}", session.container)
        assert docker28.docker(*words) == "nvidia"
    assert found["NVIDIA_VISIBLE_DEVICES"] == "0"


def test_an_engine_that_cannot_keep_its_word_is_an_error_with_the_command(
    engine: Engine, servable: Servable, tmp_path: Path
) -> None:
    sessions = Sessions(tmp_path / "sessions")
    promising = Promising(sessions, os.environ, Path.home(), GpuFacts)
    with pytest.raises(GpuUnavailable) as caught:
        start(promising, servable, StartOptions(gpu="all"), silent)
    assert "could not select device driver" in caught.value.details
    assert caught.value.hint.startswith("nvidia-ctk runtime configure")
    assert sessions.all() == []


@pytest.mark.slow
def test_podman_gives_the_device_and_not_a_container_without_it(
    minimal_image: str, servable: Servable, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory() as name:
        cdi = Path(name) / "nvidia.json"
        cdi.write_text(json.dumps(CDI))
        (Path(name) / "p").mkdir()
        with podman(Path(name) / "p", cdi, minimal_image) as address:
            there = GpuFacts(cdi_files=(str(cdi),), devices=("0", "all"))
            sessions = Sessions(tmp_path / "sessions")
            runs_on = DockerEngine(sessions, {"DOCKER_HOST": address}, tmp_path, lambda: there)
            assert seen(runs_on, servable, "")["node"] is False
            found = seen(runs_on, servable, "all")
            assert (found["node"], found["NVIDIA_STAND_IN"]) == (True, "1")
