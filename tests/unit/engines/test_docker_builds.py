from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from algo.engines.docker_builds import PID_LABEL, BuildLeftovers

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator


class TearingDown(servers.Server):
    """An engine that holds one step of this process, and refuses to remove it `refusals` times."""

    def __init__(self, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.refusals = refusals
        self.steps = [{"Id": "sha256:1", "Labels": {PID_LABEL: str(os.getpid())}}]


class Handler(BaseHTTPRequestHandler):
    server: TearingDown

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked_by_label = "label" in place.query and place.path.endswith("/images/json")
        self.answer(200, self.server.steps if asked_by_label else [])

    def do_DELETE(self) -> None:
        if self.server.refusals:
            self.server.refusals -= 1
            return self.answer(409, {"message": "a running container uses it"})
        self.server.steps.clear()
        return self.answer(200, [])

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[TearingDown]:
    with TearingDown(request.param) as server, servers.running(server):
        yield server


@pytest.mark.parametrize("engine", [0, 3], indirect=True)
def test_what_an_engine_still_holds_is_removed_when_it_lets_go(engine: TearingDown) -> None:
    BuildLeftovers(f"tcp://127.0.0.1:{engine.server_port}").clean_up()
    assert engine.steps == []
    assert engine.refusals == 0
