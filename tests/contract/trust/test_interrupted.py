"""A publish to a real registry that is ended while it sends, by each way of ending a process."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.trust.conftest import ALGO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.trust.conftest import RealRegistry, User

NAME = "acme/cut"


@contextmanager
def proxy(target: str, sent: Callable[[int], None]) -> Iterator[str]:
    """Stand before `target`, tell `sent` of the bytes of clients, and yield the own address."""
    host, _, port = target.partition(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, aim: socket.socket, tell: Callable[[int], None]) -> None:
        with suppress(OSError):
            while piece := source.recv(4096):
                tell(len(piece))
                aim.sendall(piece)
        for one in (source, aim):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        source.close()

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(port)))
                for words in ((client, server, sent), (server, client, lambda count: None)):
                    threading.Thread(target=copy, args=words, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@pytest.fixture
def project(author: tuple[User, Path], tmp_path: Path) -> Path:
    copy = tmp_path / "cut"
    shutil.copytree(author[1], copy)
    manifest = copy / "algo.toml"
    manifest.write_text(manifest.read_text().replace("acme/hello", NAME))
    shutil.rmtree(copy / "tests", ignore_errors=True)
    return copy


def published(user: User, project: Path, place: str) -> dict[str, Any]:
    """Publish to `place` as if for the first time, and return what was said."""
    target = f"{place}/{NAME}"
    said: dict[str, Any] = json.loads(
        user.done("publish", "--to", target, "--yes", "--json", cwd=project)
    )
    return said


def cut(user: User, project: Path, registry: RealRegistry, room: str, how: int, at: int) -> int:
    """Publish, and send the signal `how` after `at` bytes have gone out; return the exit code."""
    gone, process, signalled = 0, None, False
    lock = threading.Lock()

    def sent(count: int) -> None:
        nonlocal gone, signalled
        with lock:
            gone += count
            # A second one would end it at once, wherever it is.
            if gone >= at and process is not None and not signalled and process.poll() is None:
                signalled = True
                with suppress(ProcessLookupError):
                    process.send_signal(how)

    env = {**os.environ, "ALGO_HOME": str(user.home), "ALGO_ENGINE": "virtualenv"}
    with proxy(registry.address, sent) as address:
        target = f"{address}/{room}/{NAME}"
        process = subprocess.Popen(
            [ALGO, "publish", "--to", target, "--yes"],
            cwd=project,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return process.wait(120)


def once_more(
    author: tuple[User, Path],
    project: Path,
    registry: RealRegistry,
    how: int,
    chance: random.Random,
) -> None:
    user = author[0]
    room = f"r{chance.getrandbits(40)}"
    whole = published(user, project, f"{registry.address}/{room}/whole")
    # Heads and small things; the layers are mounted or sent, and everything else is below this.
    at = chance.randrange(4_000, 90_000)
    code = cut(user, project, registry, f"{room}/cut", how, at)
    place = f"{registry.address}/{room}/cut/{NAME}"
    seen = user.algo("versions", place, "--json")
    if seen.returncode == 0:
        # It came too late: then it is a whole version.
        assert code == 0 or how == signal.SIGKILL
        user.done("verify", f"{place}:1.0.0")
    else:
        assert json.loads(seen.stdout)["error"]["code"] == "not_found"
        assert code in {130, -how}, code
    again = published(user, project, f"{registry.address}/{room}/cut")
    assert (again["version"], again["digest"]) == ("1.0.0", whole["digest"]), (how, at)
    assert again["images"] == whole["images"]
    user.done("verify", f"{place}:1.0.0")


# The many moments below are for both registries.
@pytest.mark.parametrize("real_registry", ["docker"], indirect=True)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_publish_that_is_ended_while_it_sends_ends_the_same_when_it_is_done_again(
    author: tuple[User, Path], project: Path, real_registry: RealRegistry, how: int
) -> None:
    once_more(author, project, real_registry, how, random.Random())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_it_does_so_at_many_moments(
    author: tuple[User, Path], project: Path, real_registry: RealRegistry, how: int
) -> None:
    chance = random.Random()
    for _ in range(6):
        once_more(author, project, real_registry, how, chance)
