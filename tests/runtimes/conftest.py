"""A runner on its two pipes, and a gateway over HTTP, both as real processes."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from algo_gateway.wire.frames import LENGTHS, MAX_HEADER
from algo_gateway.wire.spawning import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = ROOT / "runtimes" / "gateway"
RUNTIMES = ROOT / "runtimes"
PYTHON_RUNTIME = RUNTIMES / "python"
TOKEN = "a token of the tests"

Header = dict[str, Any]
Frame = tuple[Header, bytes]


def runner_command() -> list[str]:
    """The runner that the conformance suite tests: `ALGO_RUNNER`, else the Python one."""
    other = os.environ.get("ALGO_RUNNER", "")
    return shlex.split(other) if other else [sys.executable, "-P", "-u", f"{PYTHON_RUNTIME}/run.py"]


def temporary_beside(app: Path) -> Path:
    """Return the folder for temporary files of what runs `app`, which goes with the test's own."""
    folder = app.with_name(f"{app.name}.tmp")
    folder.mkdir(exist_ok=True)
    return folder


class RunnerProcess:
    """A runner, spoken to as the gateway does."""

    def __init__(self, command: list[str], app: Path, **hello: Any) -> None:
        self.app = app
        with pytest.MonkeyPatch.context() as variables:
            # R makes a folder there, and nobody removes it for a process that is killed.
            variables.setenv("TMPDIR", str(temporary_beside(app)))
            self.process = spawn(command)
        self._data = b""
        self._hello = {
            "type": "hello",
            "protocol": 1,
            "app": str(app),
            "packages": None,
            "entrypoint": "src/it.py:apply",
            "models": {},
            "concurrency": 1,
            "development": True,
            **hello,
        }

    def write(self, header: Header, body: bytes = b"") -> None:
        head = json.dumps(header).encode()
        self.write_raw(LENGTHS.pack(len(head), len(body)) + head + body)

    def write_raw(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.process.sink, data) :]

    def read(self, *, logs: bool = False) -> Frame:
        """Return the next frame; those that carry printed lines only when asked for.

        Raises:
            EOFError: The runner closed its end.
        """
        while True:
            head, body = LENGTHS.unpack(self._exactly(LENGTHS.size))
            assert head <= MAX_HEADER
            header = json.loads(self._exactly(head))
            content = self._exactly(body)
            if logs or header["type"] != "log":
                return header, content

    def _exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            piece = os.read(self.process.source, 1 << 16)
            if not piece:
                raise EOFError(f"the runner ended; {len(self._data)} bytes were left")
            self._data += piece
        data, self._data = self._data[:count], self._data[count:]
        return data

    def hello(self) -> Header:
        self.write(self._hello)
        return self.read()[0]

    def load(self) -> Header:
        """Say hello and load; return `ready` or `load_error`."""
        self.hello()
        self.write({"type": "load", "id": 1})
        return self.read()[0]

    def call(self, body: bytes, number: int = 7, kind: str = "application/json") -> Frame:
        self.write({"type": "call", "id": number, "content_type": kind}, body)
        return self.read()

    def exit_code(self, timeout: float = 5) -> int:
        """Wait for the process to end; negative for a signal."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            pid, status = os.waitpid(self.process.pid, os.WNOHANG)
            if pid:
                self.process = type(self.process)(0, self.process.source, self.process.sink)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise AssertionError("the runner goes on")

    def close(self) -> None:
        for end in (self.process.sink, self.process.source):
            with suppress(OSError):
                os.close(end)
        if self.process.pid:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.process.pid, 9)
                os.waitpid(self.process.pid, 0)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """Start the runner on a source text: `runner(code, concurrency=2)`."""
    started: list[RunnerProcess] = []

    def start(code: str, **hello: Any) -> RunnerProcess:
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / "it.py").write_text(textwrap.dedent(code))
        started.append(RunnerProcess(runner_command(), tmp_path, **hello))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Answered:
    """An HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class GatewayProcess:
    """A gateway with an algorithm, as an engine starts it."""

    def __init__(
        self,
        app: Path,
        *flags: str,
        serving: Header | None = None,
        environment: dict[str, str] | None = None,
        sample: object = None,
        contract: Header | None = None,
        language: str = "python",
        runtime: Path | None = None,
        entrypoint: str = "src/it.py:apply",
        models: dict[str, str] | None = None,
        written_for: str = "",
    ) -> None:
        self.app = app
        self.temporary = temporary_beside(app)
        description = {
            "name": "acme/it",
            "language": language,
            "entrypoint": entrypoint,
            "models": models or {},
            "serving": serving or {},
            "sample": sample,
            "contract": contract or {},
            "written_for": written_for,
        }
        file = app / "algorithm.json"
        file.write_text(json.dumps(description))
        words = [sys.executable, "-P", "-u", "-m", "algo_gateway", "--algorithm", str(file)]
        words += ["--app", str(app), "--runtime", str(runtime or RUNTIMES / language)]
        words += ["--python", sys.executable] if language == "python" else []
        self.process = subprocess.Popen(
            [*words, "--port", "0", *flags],
            env={
                **os.environ,
                "PYTHONPATH": str(GATEWAY),
                "ALGO_CONTROL_TOKEN": TOKEN,
                "TMPDIR": str(self.temporary),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.printed: list[str] = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        assert self.process.stdout is not None
        self.first: Header = json.loads(self.process.stdout.readline() or "{}")
        self.port = int(self.first.get("ready", {}).get("port", 0))
        self.grpc_port = int(self.first.get("ready", {}).get("grpc_port", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.stop()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.printed.append(line.rstrip("\n"))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answered:
        """Send one request, from the address `source`."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=20, source_address=(source, 0)
        )
        try:
            connection.request(method, path, body, headers or {})
            return Answered(connection.getresponse())
        finally:
            connection.close()

    def post(self, value: object, path: str = "/", **headers: str) -> Answered:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        kinds = {"Content-Type": "application/json"}
        return self.ask("POST", path, body, kinds | headers)

    def post_from(self, source: str, value: object) -> Answered:
        """Call it as another client, which has the address `source` (127.0.0.0/8)."""
        return self.ask("POST", "/", json.dumps(value).encode(), source=source)

    def control(self, line: Header) -> Header:
        """Send one line to the control endpoint and return its answer."""
        return control(self.app, line)

    def reload(self, *changed: str) -> Header:
        return self.control({"do": "reload", "token": TOKEN, "changed": list(changed)})

    def workers(self) -> list[int]:
        """Return the processes that answer calls: children of the runner's parent."""
        return self.processes("algo-worker")

    def processes(self, name: str) -> list[int]:
        """Return the children of the runner's parent that are called `name`."""
        children = [child for parent in self.parents() for child in _children(parent)]
        return [pid for pid in children if _name(pid) == name]

    def parents(self) -> list[int]:
        """Return the processes that the gateway started."""
        return _children(self.process.pid)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(10)
        self._reader.join(timeout=5)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


def control(app: Path, line: Header) -> Header:
    """Send one line to the control endpoint of the gateway of `app` and return its answer."""
    with socket.socket(socket.AF_UNIX) as way:
        way.settimeout(20)
        way.connect(str(app / "c.sock"))
        way.sendall(json.dumps(line).encode() + b"\n")
        answer: Header = json.loads(way.makefile().readline())
        return answer


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in children.split()]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., GatewayProcess]]:
    """Start a gateway on a source text: `gateway(code, "--control", …, serving={…})`."""
    started: list[GatewayProcess] = []

    def start(code: str, *flags: str, **more: Any) -> GatewayProcess:
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / "it.py").write_text(textwrap.dedent(code))
        started.append(GatewayProcess(tmp_path, *flags, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def developed(
    gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> Callable[..., GatewayProcess]:
    """As `gateway`, with the control endpoint of development."""

    def start(code: str, flags: tuple[str, ...] = (), **more: Any) -> GatewayProcess:
        control = ("--development", "--control", f"unix:{tmp_path}/c.sock")
        return gateway(code, *control, *flags, **more)

    return start


@pytest.fixture
def packaged(
    runner: Callable[..., RunnerProcess], client_python: Callable[[str], Path]
) -> Callable[[str], RunnerProcess]:
    """As `runner`, with the packages of `clients/types.txt`; it is loaded already."""
    folder = next((client_python("types").parent.parent / "lib").glob("python3.*/site-packages"))

    def start(code: str) -> RunnerProcess:
        started = runner(code, packages=str(folder))
        ready = started.load()
        assert ready["type"] == "ready", ready
        started.schema = ready["schema"]  # type: ignore[attr-defined]
        return started

    return start
