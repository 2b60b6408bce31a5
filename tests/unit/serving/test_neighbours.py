"""Other algorithms, called by their names over a socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from algo.errors import AlgoError
from algo.serving.neighbours import Neighbours, listening

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Nowhere(AlgoError):
    code = "nowhere"


class Echo(BaseHTTPRequestHandler):
    """Answers with its path and what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        content = json.dumps([self.path, self.headers["content-type"], body]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


class Runs:
    """Runs algorithms; one called `none` is not there, one called `gone` has ended."""

    def __init__(self) -> None:
        self.started: Counter[tuple[str, str]] = Counter()
        self.ended = 0
        self.url = ""

    @contextmanager
    def run(self, name: str, version: str) -> Iterator[str]:
        if name == "acme/none":
            raise Nowhere("there is none")
        self.started[name, version] += 1
        try:
            yield "http://127.0.0.1:9" if name == "acme/gone" else self.url
        finally:
            self.ended += 1


@pytest.fixture
def runs() -> Iterator[Runs]:
    found = Runs()
    with servers.serving(Echo) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found


def post(folder: Path, path: str, body: str = "1") -> Any:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(folder / "algorithms.sock"))
    try:
        connection.request("POST", path, body, {"Content-Type": "text/plain"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_a_call_goes_to_the_algorithm_in_its_own_spelling(tmp_path: Path, runs: Runs) -> None:
    with listening(tmp_path, Neighbours(runs.run)):
        got = post(tmp_path, "/v1/algo/AcmeSE/My-Algo/0.2.x?timeout=3", "hello")
        assert got == ["/v1/algo/acmese/my-algo?timeout=3", "text/plain", "hello"]
        assert runs.started == {("acmese/my-algo", "0.2.x"): 1}
        assert runs.ended == 0
    assert runs.ended == 1


def test_calls_at_one_time_start_an_algorithm_once(tmp_path: Path, runs: Runs) -> None:
    with listening(tmp_path, Neighbours(runs.run)), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: post(tmp_path, "/v1/algo/a/b", str(n)), range(16)))
    assert sorted(int(answer[2]) for answer in answers) == list(range(16))
    assert runs.started == {("a/b", ""): 1}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/algo/acme/none", "nowhere"),
        ("/v1/algo/acme/gone", "unreachable"),
        ("/v1/algo/acme", "unreachable"),
        ("/", "unreachable"),
    ],
)
def test_what_cannot_be_called_is_told_in_algorithmias_shape(
    path: str, code: str, tmp_path: Path, runs: Runs
) -> None:
    with listening(tmp_path, Neighbours(runs.run)):
        error = post(tmp_path, path)["error"]
    assert error["error_type"] == code
    assert error["message"].startswith(f"{path}: ")
