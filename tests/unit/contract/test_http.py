"""The algorithm over HTTP, against a real server."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar

import pytest
from algo.contract.declared import Declared
from algo.contract.errors import AlgorithmGone
from algo.contract.http import HttpAlgorithm
from algo.contract.interface import Answer, Fault
from algo.contract.schema import Schema
from algo.errors import Problem

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = {
    "json": (200, "application/json", b'{"a": 1}'),
    "text": (200, "text/plain; charset=utf-8", "é".encode()),
    "fault": (400, "application/json", b'{"error": {"code": "bad", "type": "T", "message": "no"}}'),
    "places": (
        400,
        "application/json",
        b'{"error": {"code": "bad", "message": "no", "problems": [{"path": "a", "message": "b"}]}}',
    ),
    "typed": (500, "application/json", b'{"error": {"type": "KeyError", "message": "x"}}'),
    "proxy": (502, "text/html", b"<h1>bad gateway</h1>"),
    "other": (503, "application/json", b'{"detail": "later"}'),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peers: ClassVar[set[int]] = set()

    def do_GET(self) -> None:
        schema = {"application/json": {"schema": {"type": "integer"}}}
        call = {"requestBody": {"content": schema}, "responses": {"200": {"content": schema}}}
        document = {"paths": {"/invoke": {"post": call}}, "components": {"schemas": {}}}
        content = json.dumps(document).encode() if self.path == "/openapi.json" else b"{"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.peers.add(self.client_address[1])
        status, kind, content = ANSWERS.get(asked, ANSWERS["json"])
        self.send_response(status if self.path == "/invoke" else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        # Say nothing and hang up, as a server does with a connection that was idle for long.
        self.close_connection = asked == "hang up"

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.peers.clear()
    with servers.serving(Handler) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("json", Answer({"a": 1})),
        ("text", Answer("é")),
        ("fault", Fault("bad", "no")),
        ("places", Fault("bad", "no", (Problem("a", "b"),))),
        ("typed", Fault("KeyError", "x")),
        ("proxy", Fault("http_502", "<h1>bad gateway</h1>")),
        ("other", Fault("http_503", '{"detail": "later"}')),
    ],
)
def test_answers_and_errors_are_told_apart(url: str, asked: str, expected: object) -> None:
    with HttpAlgorithm(url, 5) as algorithm:
        assert algorithm.call(asked) == expected


def test_one_connection_serves_many_calls(url: str) -> None:
    with HttpAlgorithm(url, 5) as algorithm:
        assert [algorithm.call("json") for _ in range(5)] == [Answer({"a": 1})] * 5
    assert len(Handler.peers) == 1


def test_what_is_declared_is_asked_for(url: str) -> None:
    with HttpAlgorithm(url, 5) as algorithm:
        assert algorithm.declared().input == Schema(type=("integer",))
    with HttpAlgorithm(f"{url}/other", 5) as algorithm:
        assert algorithm.declared() == Declared()


def test_a_connection_that_the_server_closed_is_opened_again(url: str) -> None:
    with HttpAlgorithm(url, 5) as algorithm:
        algorithm.call("hang up")
        assert algorithm.call("json") == Answer({"a": 1})
    assert len(Handler.peers) == 2


def test_a_server_that_is_gone_is_an_error(url: str) -> None:
    with HttpAlgorithm("http://127.0.0.1:1", 5) as algorithm, pytest.raises(AlgorithmGone):
        algorithm.call("json")
