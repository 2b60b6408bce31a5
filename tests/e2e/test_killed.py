"""`kill -9` in the middle of things: what is left is listed by doctor, removed by --fix."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from algo.engines.sessions import Sessions

from tests.e2e.load import Load
from tests.e2e.served import Served
from tests.machine.private_engine import PrivateEngine, private_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Engine

ALGO = str(Path(sys.executable).with_name("algo"))


class Command:
    """`algo` as a child process whose story is read while it runs."""

    def __init__(self, words: list[str], cwd: Path, env: dict[str, str]) -> None:
        self.story = ""
        self.process = subprocess.Popen(
            [ALGO, *words],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.story += line

    def wait_for(self, what: str | Callable[[], bool], timeout: float = 60) -> None:
        """Wait until the story has the words `what`, or `what()` holds."""
        end = time.monotonic() + timeout
        while not (what in self.story if isinstance(what, str) else what()):
            assert self.process.poll() is None, f"ended before {what!r}: {self.story}"
            assert time.monotonic() < end, f"no {what!r}: {self.story}"
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self, timeout: float = 60) -> tuple[int, str]:
        """Wait for the end; return exit code and standard output."""
        assert self.process.stdout is not None and self.process.stderr is not None
        code = self.process.wait(timeout)
        out = self.process.stdout.read()
        self._reader.join(timeout=5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, out


class User:
    """Somebody with a project and folders of their own."""

    def __init__(self, folder: Path, home: Path, **variables: str) -> None:
        self.folder, self.home = folder, home
        self.env = {**os.environ, "ALGO_HOME": str(home), "NO_COLOR": "1", **variables}
        self.run("init", "acme/hello", cwd=folder)
        self.project = folder / "hello"

    def run(
        self, *words: str, cwd: Path | None = None, code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [ALGO, *words],
            cwd=cwd or self.project,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done

    def start(self, *words: str) -> Command:
        return Command(list(words), self.project, self.env)

    def leftovers(self, *options: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [ALGO, "doctor", "--json", *options],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
        return found["removed" if options else "leftovers"]

    def slow_algorithm(self, seconds: float) -> None:
        """Make the first call take its time."""
        source = self.project / "src" / "hello.py"
        source.write_text(
            source.read_text().replace("def apply(", "import time\n\n\ndef apply(", 1)
        )
        text = source.read_text()
        head, _, body = text.partition("def apply(")
        first, _, rest = body.partition("\n")
        source.write_text(f"{head}def apply({first}\n    time.sleep({seconds})\n{rest}")


class StallingProxy:
    """A way to a registry on which uploads stop after `limit` bytes."""

    def __init__(self, target: str, limit: int) -> None:
        host, _, port = target.partition(":")
        self._target, self._left = (host, int(port)), limit
        self.stalled = threading.Event()
        self._released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._released.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, sink, up in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, up), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if up:
                    self._left -= len(data)
                    if self._left < 0:
                        self.stalled.set()
                        self._released.wait()
                        break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def user(tmp_path: Path, algo_home: Path) -> User:
    return User(tmp_path, algo_home, ALGO_ENGINE="virtualenv")


@pytest.fixture(scope="module")
def killable(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """An engine that tests may kill; its containers have no network."""
    assert engine.version
    with private_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


def versions(registry: str, name: str) -> list[str]:
    """Return the tags of `name` that are no fallback tags of referrers."""
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/{name}/tags/list") as answer:
            return [one for one in json.load(answer)["tags"] or [] if "sha256" not in one]
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return []


def runner_of(served: Served) -> int:
    """Return the process that runs the algorithm: the last child below the command."""
    below = [served.process.pid]
    for parent in below:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        with suppress(OSError):
            below += [int(pid) for pid in children.read_text().split()]
    runners = [pid for pid in below if b"run.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return runners[-1]


def test_a_killed_runner_is_replaced_and_costs_only_the_calls_in_flight(user: User) -> None:
    with Served.start([ALGO, "serve"], user.project, env=user.env) as served:
        with Load(served.url, b'"Ada"', per_second=200) as load:
            for _ in range(5):
                time.sleep(0.3)
                os.kill(runner_of(served), signal.SIGKILL)
            time.sleep(1.5)
            before = load.failed
            time.sleep(0.5)
        assert load.failed == before, "calls fail after the last runner was replaced"
    # One call is in flight per runner, and says why it was lost.
    assert load.failed <= 5
    assert all("502" in str(failure) for failure in load.failures), load.failures


def test_the_container_of_a_serve_that_is_killed_ends_by_itself(
    tmp_path: Path, algo_home: Path, engine: Engine
) -> None:
    user = User(tmp_path, algo_home, ALGO_ENGINE="docker")
    served = Served.start([ALGO, "serve"], user.project, env=user.env)
    (session,) = Sessions(algo_home / "state" / "sessions").all()
    served.process.kill()
    served.stop()
    assert engine.docker("wait", session.container, timeout=30) == "0"
    assert "container" in {item["kind"] for item in user.leftovers()}
    user.leftovers("--fix")
    assert user.leftovers() == []


def test_a_killed_publish_leaves_no_version_and_the_next_one_succeeds(
    user: User, engine: Engine, docker_registry: str
) -> None:
    assert engine.version
    user.run("build", "--into", "store")
    name = f"acme/killed-{os.getpid()}"
    proxy = StallingProxy(docker_registry, limit=5_000_000)
    try:
        publish = user.start("publish", "--to", f"{proxy.address}/{name}", "--yes")
        assert proxy.stalled.wait(60), publish.story
        publish.kill()
    finally:
        proxy.close()
    assert versions(docker_registry, name) == []
    assert "version = " not in (user.project / "algo.toml").read_text()
    user.leftovers("--fix")
    assert user.leftovers() == []
    target = f"{docker_registry}/{name}"
    told = json.loads(user.run("publish", "--to", target, "--yes", "--json").stdout)
    assert (told["version"], versions(docker_registry, name)) == ("1.0.0", ["1.0.0"])
    user.run("verify", f"{target}:1.0.0")


def test_a_publish_that_is_killed_on_its_way_into_the_store_leaves_no_version(
    user: User, engine: Engine
) -> None:
    assert engine.version
    user.run("build", "--into", "store")
    publish = user.start("publish", "--yes")
    publish.wait_for("Sending the layers")
    publish.kill()
    done = user.run("versions", "acme/hello", "--json", code=0 if _stored(user) else 1)
    if not _stored(user):
        assert json.loads(done.stdout)["error"]["code"] == "not_found"
        assert json.loads(user.run("publish", "--yes", "--json").stdout)["version"] == "1.0.0"
    user.run("verify", "acme/hello:1.0.0")
    user.leftovers("--fix")
    assert user.leftovers() == []


def _stored(user: User) -> bool:
    """Tell whether the version came into the store whole before the kill."""
    index = user.home / "data" / "store" / "acme" / "hello" / "index.json"
    return index.is_file() and "1.0.0" in index.read_text()


def test_a_killed_build_leaves_what_doctor_removes(killable: PrivateEngine, tmp_path: Path) -> None:
    before = set(killable.docker("images", "--all", "--quiet", "--no-trunc").split())
    user = User(tmp_path, tmp_path / "home", DOCKER_HOST=killable.address)
    build = user.start("build")
    build.wait_for(lambda: bool(killable.docker("ps", "--quiet")))
    build.kill()
    assert user.leftovers() != []
    assert user.leftovers("--fix") != []
    assert user.leftovers() == []
    assert killable.docker("ps", "--all", "--quiet") == ""
    assert set(killable.docker("images", "--all", "--quiet", "--no-trunc").split()) == before


def test_a_build_that_is_interrupted_leaves_nothing(
    killable: PrivateEngine, tmp_path: Path
) -> None:
    before = set(killable.docker("images", "--all", "--quiet", "--no-trunc").split())
    user = User(tmp_path, tmp_path / "home", DOCKER_HOST=killable.address)
    build = user.start("build")
    build.wait_for(lambda: bool(killable.docker("ps", "--quiet")))
    build.process.send_signal(signal.SIGINT)
    assert build.end(5)[0] == 130
    assert killable.docker("ps", "--all", "--quiet") == ""
    assert set(killable.docker("images", "--all", "--quiet", "--no-trunc").split()) == before
    assert user.leftovers() == []


def test_an_engine_that_is_killed_under_a_build_is_an_error_and_leaves_nothing(
    killable: PrivateEngine, tmp_path: Path
) -> None:
    user = User(tmp_path, tmp_path / "home", DOCKER_HOST=killable.address)
    build = user.start("build", "--json")
    build.wait_for(lambda: bool(killable.docker("ps", "--quiet")))
    killable.kill()
    code, out = build.end()
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (3, "engine_unavailable"), error
    killable.start()
    user.leftovers("--fix")
    assert user.leftovers() == []
    assert killable.docker("ps", "--all", "--quiet") == ""


@pytest.mark.slow
def test_an_engine_that_is_killed_under_serve_and_publish_leaves_what_doctor_removes(
    killable: PrivateEngine, tmp_path: Path, algo_home: Path, engine: Engine
) -> None:
    # The first engine, which has a network, built the runtime image into the cache.
    assert engine.version
    user = User(tmp_path, algo_home)
    user.run("build")
    user.env["DOCKER_HOST"] = killable.address
    served = Served.start([ALGO, "serve"], user.project, env=user.env)
    assert killable.docker("ps", "--quiet") != ""
    killable.kill()
    assert served.process.wait(10) == 3
    served.stop()
    assert served.events[-1]["error"]["code"] == "engine_lost"
    killable.start()
    assert "container" in {item["kind"] for item in user.leftovers()}
    user.leftovers("--fix")
    assert user.leftovers() == []
    assert killable.docker("ps", "--all", "--quiet") == ""

    user.slow_algorithm(5)
    publish = user.start("publish", "--yes", "--json")
    publish.wait_for("golden cases")
    killable.kill()
    code, out = publish.end()
    assert (code, "error" in json.loads(out)) == (3, True), out
    killable.start()
    user.leftovers("--fix")
    assert user.leftovers() == []
    refused = json.loads(user.run("versions", "acme/hello", "--json", code=1).stdout)
    assert refused["error"]["code"] == "not_found"
