"""What every engine promises: on the fake, on host processes and on real containers."""

from __future__ import annotations

import json
import os
import queue
import socket
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from algo.engines.docker import DockerEngine
from algo.engines.errors import PortTaken
from algo.engines.interface import Engine, HostEnvironment, Image, Instance
from algo.engines.sessions import Sessions
from algo.engines.virtualenv import VirtualenvEngine
from algo.events import Event, Log
from algo.resources import data_folder
from algo.serving.control import Control
from algo.serving.start import StartOptions, launch_of, running, start
from msgspec.structs import replace

from tests.fakes.engines import FakeEngine, hello
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.serving.interface import Servable

SOURCE = """
def apply(input):
    print("called with", input, flush=True)
    return input + 1
"""

# The internet sockets that the runner has: none is to come to it from the gateway.
INHERITED = """
import os, socket

def apply(input):
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as one:
                found += [one.getsockname()] if one.family == socket.AF_INET else []
        except OSError:
            continue
    return found
"""


@dataclass
class Bench:
    """An engine, something that it can run, and what that told."""

    engine: Engine
    servable: Servable
    sessions: Sessions
    told: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    def start(self, **options: object) -> Instance:
        chosen = replace(StartOptions(), **options)
        return start(self.engine, self.servable, chosen, self.told.put)

    def wait_for(self, words: str) -> str:
        deadline = time.monotonic() + 5
        while True:
            event = self.told.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(event, Log) and words in event.text:
                return event.text


@pytest.fixture(params=["fake", "virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    root = tmp_path / "hello"
    root.mkdir()
    servable = hello(root, SOURCE)
    sessions = Sessions(tmp_path / "sessions")
    engine: Engine
    if request.param == "docker":
        image = request.getfixturevalue("minimal_image")
        servable = replace(servable, artifact=Image(image))
        engine = DockerEngine(sessions, os.environ, Path.home())
    elif request.param == "virtualenv":
        runtimes = data_folder("runtimes")
        servable = replace(
            servable, artifact=HostEnvironment(runtimes / "python", Path(sys.executable))
        )
        engine = VirtualenvEngine(sessions, runtimes / "gateway", os.environ)
    else:
        engine = FakeEngine()
    yield Bench(engine, servable, sessions)
    # Containers of killed commands may be those of tests that run beside this one.
    assert [item for item in engine.leftovers() if item.kind == "session"] == []
    assert sessions.all() == []


def post(url: str, value: object) -> object:
    request = urllib.request.Request(url, json.dumps(value).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def answers(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_it_says_what_it_is(bench: Bench) -> None:
    info = bench.engine.check()
    assert info.name == bench.engine.name
    assert info.version


def test_an_instance_answers_reloads_and_stops(bench: Bench) -> None:
    instance = bench.start()
    try:
        assert post(instance.url, 41) == 42
        assert "called with 41" in bench.wait_for("called with")
        assert instance.ended() is None
        assert instance.control is not None
        assert bench.servable.folder is not None
        entry = bench.servable.folder / "src" / "hello.py"
        entry.write_text("def apply(input):\n    return input + 2\n")
        outcome = Control(instance.control).reload(["src/hello.py"])
        assert outcome.ok
        assert outcome.rung in ("swap", "worker")
        assert post(instance.url, 41) == 43
        entry.write_text("def apply(:\n")
        outcome = Control(instance.control).reload(["src/hello.py"])
        assert outcome.error is not None
        assert (outcome.error.file, outcome.error.line) == ("src/hello.py", 1)
        assert post(instance.url, 41) == 43
    finally:
        began = time.monotonic()
        instance.stop()
    assert time.monotonic() - began < 5
    assert not answers(instance.url)
    instance.stop()


def test_a_taken_port_is_refused(bench: Bench) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(PortTaken):
            bench.start(port=listener.getsockname()[1])


# The fake speaks no gRPC and takes any port.
real_engines = pytest.mark.parametrize(
    "bench", ["virtualenv", pytest.param("docker", marks=pytest.mark.engine)], indirect=True
)


@real_engines
def test_grpc_is_answered_on_a_second_port_of_loopback(bench: Bench) -> None:
    instance = bench.start(grpc_port=0)
    try:
        assert instance.grpc.startswith("127.0.0.1:")
        with grpc.insecure_channel(instance.grpc) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"", timeout=10) == b"\x08\x01"  # status 1: serving
    finally:
        instance.stop()


@real_engines
def test_the_port_asked_for_is_used(bench: Bench) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(bench.engine, bench.servable, StartOptions(port=port), bench.told.put) as instance:
        assert instance.url == f"http://127.0.0.1:{port}"
        assert post(instance.url, 1) == 2


def test_the_port_is_its_own_from_the_first_moment(bench: Bench) -> None:
    launch = launch_of(bench.servable, StartOptions())
    instance = bench.engine.start(launch, lambda line: None)
    try:
        port = int(instance.url.rpartition(":")[2])
        with socket.socket() as probe, pytest.raises(OSError, match="Address already in use"):
            probe.bind(("127.0.0.1", port))
    finally:
        instance.stop()


def test_a_session_whose_path_is_too_long_for_a_socket_is_controlled(tmp_path: Path) -> None:
    if sys.platform != "linux":
        lacking("only Linux shows a process's descriptors in /proc")
    root = tmp_path / "hello"
    root.mkdir()
    runtimes = data_folder("runtimes")
    artifact = HostEnvironment(runtimes / "python", Path(sys.executable))
    sessions = Sessions(tmp_path / ("long" * 30))
    engine = VirtualenvEngine(sessions, runtimes / "gateway", os.environ)
    servable = replace(hello(root, INHERITED), artifact=artifact)
    with running(engine, servable, StartOptions(), lambda event: None) as instance:
        assert instance.control is not None
        assert instance.control.address.startswith("tcp:127.0.0.1:")
        assert Control(instance.control).status().state == "ready"
        assert post(instance.url, None) == []


def test_without_development_there_is_no_control_endpoint(bench: Bench) -> None:
    instance = bench.start(development=False)
    try:
        assert instance.control is None
        assert post(instance.url, 1) == 2
    finally:
        instance.stop()


def test_a_load_error_stops_what_was_started(bench: Bench) -> None:
    from algo.serving.errors import LoadFailed

    assert bench.servable.folder is not None
    entry = bench.servable.folder / "src" / "hello.py"
    entry.write_text("import json\n\nraise RuntimeError('no weights')\n")
    with pytest.raises(LoadFailed) as caught:
        bench.start()
    assert "no weights" in caught.value.message
    assert "src/hello.py:3" in caught.value.message
