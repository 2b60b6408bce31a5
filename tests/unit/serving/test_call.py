from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from algo.events import Event, Log, silent
from algo.serving.body import Body
from algo.serving.call import Place, call, run
from algo.serving.errors import AlgorithmFailed, ServiceUnreachable
from algo.serving.hints import hint_for
from algo.serving.start import StartOptions, running

from tests.fakes.engines import FakeEngine, hello

if TYPE_CHECKING:
    from pathlib import Path

    from algo.engines.interface import Engine
    from algo.serving.interface import Servable

NOBODY = "http://127.0.0.1:9"


def place(engine: FakeEngine, servable: Servable, url: str = "") -> Place:
    def prepare() -> tuple[Engine, Servable]:
        return engine, servable

    return Place(url, prepare)


def test_what_is_started_for_a_call_is_stopped_again(tmp_path: Path) -> None:
    engine = FakeEngine()
    answer = run(place(engine, hello(tmp_path)), Body(b"41"), silent, 5)
    assert answer.content == b"42"
    assert answer.is_json
    assert engine.instances[0].stopped
    assert not engine.launches[0].shared


def test_an_instance_that_runs_is_used(tmp_path: Path) -> None:
    engine = FakeEngine()
    servable = hello(tmp_path)
    with running(engine, servable, StartOptions(), silent) as instance:
        answer = run(place(engine, servable, instance.url), Body(b"1"), silent, 5)
    assert answer.content == b"2"
    assert len(engine.instances) == 1


def test_an_instance_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    answer = run(place(FakeEngine(), hello(tmp_path), NOBODY), Body(b"1"), silent, 5)
    assert answer.content == b"2"


def test_an_error_of_the_algorithm_is_the_message(tmp_path: Path) -> None:
    source = "def apply(input):\n    raise ValueError('not a digit')\n"
    events: list[Event] = []
    with pytest.raises(AlgorithmFailed) as caught:
        run(place(FakeEngine(), hello(tmp_path, source)), Body(b"1"), events.append, 5)
    assert caught.value.message == "ValueError: not a digit (HTTP 500)"
    assert caught.value.exit_code == 1
    assert caught.value.hint == "look at what the service printed"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ({"message": "no package", "hint": "add it"}, "add it"),
        (
            {"message": "ModuleNotFoundError: No module named 'yaml.x'"},
            "add pyyaml to requirements.in (requirements.txt if that is there), then: algo lock",
        ),
        ({"message": "broken"}, "correct the code at the line named, then: algo run"),
    ],
)
def test_a_package_that_a_call_lacks_is_told_with_where_to_add_it(
    error: dict[str, str], hint: str
) -> None:
    answer = json.dumps({"error": {"code": "exception", **error}}).encode()

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(answer)

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(AlgorithmFailed) as caught:
            call(f"http://127.0.0.1:{server.server_port}", Body(b"1"), 5)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        ("invalid_input", 400, "correct the input at the places named, then: algo run"),
        ("odd", 400, "correct the input, then: algo run"),
        ("exception", 500, "correct the code at the line named, then: algo run"),
        ("other", 502, "look at what the service printed"),
    ],
)
def test_an_error_of_the_service_says_what_to_do(code: str, status: int, hint: str) -> None:
    assert hint_for(code, status) == hint


def test_what_it_prints_is_told(tmp_path: Path) -> None:
    source = "def apply(input):\n    print('hm', input)\n    return 0\n"
    events: list[Event] = []
    run(place(FakeEngine(), hello(tmp_path, source)), Body(b"7"), events.append, 5)
    assert Log("hm 7") in events


def test_nobody_at_the_url_is_an_error() -> None:
    with pytest.raises(ServiceUnreachable):
        call(NOBODY, Body(b"1"), 5)
