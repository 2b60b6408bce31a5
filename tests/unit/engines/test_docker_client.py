from __future__ import annotations

import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest
from algo.engines.docker_client import DEFAULT, connect, find, ping
from algo.engines.errors import EngineUnavailable
from algo.engines.ports import free_port

from tests.fakes.servers import serving

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_says_where_the_engine_is(tmp_path: Path) -> None:
    assert find({"DOCKER_HOST": "tcp://h:2375"}, tmp_path) == "tcp://h:2375"
    assert find({}, tmp_path) == DEFAULT


def test_the_docker_context_says_where_the_engine_is(tmp_path: Path) -> None:
    config = tmp_path / ".docker"
    meta = config / "contexts" / "meta" / hashlib.sha256(b"colima").hexdigest()
    meta.mkdir(parents=True)
    (config / "config.json").write_text(json.dumps({"currentContext": "colima"}))
    endpoints = {"docker": {"Host": "unix:///c.sock", "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(json.dumps({"Name": "colima", "Endpoints": endpoints}))
    assert find({}, tmp_path) == "unix:///c.sock"
    assert find({"DOCKER_CONTEXT": "default"}, tmp_path) == DEFAULT


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
def test_an_absent_engine_is_known_at_once(tmp_path: Path, scheme: str) -> None:
    absent = f"unix://{tmp_path}/no.sock" if scheme == "unix" else f"tcp://127.0.0.1:{free_port()}"
    tries = []
    for _ in range(5):  # what else the machine does may hold up one of them
        began = time.monotonic()
        assert ping(absent) is None
        tries.append(time.monotonic() - began)
    assert min(tries) < 0.3
    with pytest.raises(EngineUnavailable):
        connect(absent, {})


def test_an_engine_that_is_slow_to_answer_is_there() -> None:
    with serving(Slow) as server:
        answer = ping(f"tcp://127.0.0.1:{server.server_port}")
    assert answer is not None
    assert answer.api == "1.41"


class Slow(BaseHTTPRequestHandler):
    """Answers a ping after a second, as the engine of a busy machine may."""

    def do_GET(self) -> None:
        time.sleep(1)
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""
