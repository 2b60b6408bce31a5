"""The servers that are compared: how each is started, called, and what it must answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gateway.load import Target
from tests.machine.pinned import interpreter
from tests.machine.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
PEERS = HERE / "peers"
RUNTIMES = HERE.parent.parent / "runtimes"


@dataclass(frozen=True, slots=True)
class Server:
    """One server under test.

    Attributes:
        name: What the table calls it.
        command: The command for an interpreter and a port.
        path: Where the algorithm is called.
        body: The request, `x` = 41 in the server's own form.
        answer: Reads `x + 1` out of the answer.
        peer: The file of pins in `peers/`, empty for what runs in our own environment.
        env: Further variables for a port.
        expected: What it answers when it is ready.
    """

    name: str
    command: Callable[[str, int], list[str]]
    path: str
    body: object
    answer: Callable[[object], object]
    peer: str = ""
    env: Callable[[int], Mapping[str, str]] = field(default=lambda port: {})
    expected: object = 42


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answered correctly: where, its process, and how long it took to."""

    server: Server
    url: str
    process: subprocess.Popen[bytes]
    seconds: float

    @property
    def target(self) -> Target:
        """What wrk sends, where, and whose processor time counts."""
        return Target(self.url, self.server.body, self.process.pid)


def _uvicorn(python: str, port: int) -> list[str]:
    command = [python, "-m", "uvicorn", "fastapi_app:app", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--log-level", "error", "--no-access-log"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gateway(name: str, app: str, body: object, *, peer: str = "", expected: object = 42) -> Server:
    """Return our server with the algorithm in `apps/APP`; `peer` names its packages, if it has."""

    def command(python: str, port: int) -> list[str]:
        folder = APPS / app
        return [
            *(sys.executable, "-P", "-m", "algo_gateway", "--host", "127.0.0.1"),
            *("--port", str(port), "--algorithm", str(folder / "algorithm.json")),
            *("--app", str(folder), "--runtime", str(RUNTIMES / "python"), "--python", python),
        ]

    path = {"PYTHONPATH": str(RUNTIMES / "gateway")}
    return Server(
        name,
        command,
        "/",
        body,
        lambda answer: answer,
        peer=peer,
        env=lambda port: path,
        expected=expected,
    )


GRANIAN = Server(
    "granian echo (limit)",
    lambda python, port: [
        *(python, "-m", "granian", "--interface", "rsgi", "--no-ws", "--log-level", "error"),
        *("--host", "127.0.0.1", "--port", str(port), "granian_echo:app"),
    ],
    "/",
    42,
    lambda answer: answer,
    peer="granian",
)

SERVERS = (
    gateway("algo", "noop", {"x": 41}),
    GRANIAN,
    Server("FastAPI + uvicorn", _uvicorn, "/", {"x": 41}, lambda answer: answer, peer="fastapi"),
    Server(
        "FastAPI + uvicorn[standard]",
        _uvicorn,
        "/",
        {"x": 41},
        lambda answer: answer,
        peer="fastapi-standard",
    ),
    Server(
        "BentoML",
        lambda python, port: [
            *(python, "-m", "bentoml", "serve", "bentoml_service:Noop"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        "/apply",
        {"x": 41},
        lambda answer: answer,
        peer="bentoml",
        env=lambda port: {"BENTOML_DO_NOT_TRACK": "1"},
    ),
    Server(
        "LitServe",
        lambda python, port: [python, "litserve_app.py", str(port)],
        "/predict",
        {"x": 41},
        lambda answer: answer,
        peer="litserve",
    ),
    Server(
        "MLServer",
        lambda python, port: [str(Path(python).with_name("mlserver")), "start", str(APPS)],
        "/v2/models/noop/infer",
        {"inputs": [{"name": "x", "shape": [1], "datatype": "INT64", "data": [41]}]},
        lambda answer: answer["outputs"][0]["data"][0],  # type: ignore[index]
        peer="mlserver",
        env=lambda port: {
            "MLSERVER_MODEL_NAME": "noop",
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_model.Noop",
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(_free_port()),
            "MLSERVER_METRICS_PORT": str(_free_port()),
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_DEBUG": "false",
        },
    ),
    Server(
        "coglet",
        lambda python, port: [python, "-m", "cog.server.http", "--host", "127.0.0.1"],
        "/predictions",
        {"input": {"x": 41}},
        lambda answer: answer["output"],  # type: ignore[index]
        peer="coglet",
        env=lambda port: {"PORT": str(port), "COG_PREDICT_TYPE_STUB": "coglet_model.py:Noop"},
    ),
)


@contextmanager
def running(server: Server, timeout: float = 60) -> Iterator[Running]:
    """Start `server`, wait for its first correct answer, and end its whole process group after.

    Raises:
        RuntimeError: It ended, or did not answer correctly in time; with its last output.
    """
    python = str(interpreter(PEERS / f"{server.peer}.txt")) if server.peer else sys.executable
    port = _free_port()
    url = f"http://127.0.0.1:{port}{server.path}"
    log = cache_folder("logs") / f"{server.name.split()[0].lower()}.log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            server.command(python, port),
            cwd=APPS,
            env=_variables(server, python, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _answers(server, url):
                if process.poll() is not None or time.perf_counter() - began > timeout:
                    said = log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{server.name} does not answer:\n{said}")
                time.sleep(0.01)
            yield Running(server, url, process, time.perf_counter() - began)
        finally:
            _end(process)


def _variables(server: Server, python: str, port: int) -> dict[str, str]:
    path = f"{Path(python).parent}:{os.environ['PATH']}"  # coglet starts `python` by its name
    return {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **server.env(port)}


def _answers(server: Server, url: str) -> bool:
    body = json.dumps(server.body).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as response:
            answer = json.load(response)
            return response.status == 200 and server.answer(answer) == server.expected
    except (OSError, urllib.error.URLError, ValueError, KeyError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
