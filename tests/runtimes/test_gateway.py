"""The gateway over HTTP: routes, limits, and what becomes of calls when things go wrong."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return {'got': value}\n"
# Answers once the file is there whose path it is sent.
HOLD = """
import os, time

def apply(path):
    while not os.path.exists(path):
        time.sleep(0.01)
    return path
"""
SLEEP = "import time\n\ndef apply(value):\n    time.sleep(value)\n    return value\n"


def test_every_way_to_call_it(gateway: Start) -> None:
    served = gateway(ECHO)
    for path in ("/", "/invoke"):
        answer = served.post(5, path)
        assert (answer.status, answer.json) == (200, {"got": 5})
        assert answer.headers["content-type"] == "application/json"
    for path in ("/v1/algo/acme/it", "/v1/algo/acme/it/1.2.0"):
        document = served.post(5, path).json
        assert document["result"] == {"got": 5}
        assert document["metadata"]["content_type"] == "json"
        assert document["metadata"]["duration"] >= 0


@pytest.mark.parametrize("own", [(), (7, 8, 9)])
def test_garbage_is_looked_for_as_ever_once_it_is_loaded(
    gateway: Start, own: tuple[int, ...]
) -> None:
    served = gateway(
        f"""
        import gc

        def load():
            seldom = gc.get_threshold()
            if {own}:
                gc.set_threshold(*{own})
            return seldom

        def apply(value, seldom):
            return [seldom[0] > value, list(gc.get_threshold())]
        """
    )

    assert served.post(1000).json == [True, list(own or gc.get_threshold())]


def test_algorithmias_shape_of_text_and_bytes(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return value\n")
    text = served.post("abc", "/v1/algo/acme/it").json
    assert (text["result"], text["metadata"]["content_type"]) == ("abc", "text")
    binary = served.post(
        b"\x00\xff", "/v1/algo/acme/it", **{"Content-Type": "application/octet-stream"}
    ).json
    assert (binary["result"], binary["metadata"]["content_type"]) == ("AP8=", "binary")


def test_the_pages(gateway: Start) -> None:
    served = gateway("def apply(value: int) -> str:\n    return str(value)\n")
    assert served.ask("GET", "/healthz").body == b"ok\n"
    assert served.ask("GET", "/readyz").status == 200
    assert b"acme/it" in served.ask("GET", "/").body
    document = served.ask("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    body = document["paths"]["/invoke"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["type"] == "integer"


def test_what_is_not_there_and_what_is_not_allowed(gateway: Start) -> None:
    served = gateway(ECHO)
    missing = served.ask("GET", "/nothing")
    assert (missing.status, missing.code) == (404, "not_found")
    other = served.ask("DELETE", "/invoke")
    assert (other.status, other.code, other.headers["allow"]) == (405, "method_not_allowed", "POST")
    assert served.post(1, "/v1/algo/acme/another").status == 404


def test_metrics_count_answers_in_prometheus_text(gateway: Start) -> None:
    served = gateway(ECHO)
    for _ in range(3):
        served.post(1)
    served.post(b"{")
    page = served.ask("GET", "/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = page.body.decode().splitlines()
    assert 'algo_requests_total{status="200"} 3' in lines
    assert 'algo_requests_total{status="400"} 1' in lines
    assert "algo_request_duration_seconds_count 4" in lines
    assert "algo_workers 1" in lines


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b'{"a": }', "malformed_json", "line 1, column 7"),
        (b'{"a": NaN}', "malformed_json", "NaN"),
        (b'"\xff"', "not_utf8", "byte 1"),
    ],
)
def test_a_malformed_body_is_400_with_its_position(
    gateway: Start, body: bytes, code: str, words: str
) -> None:
    answer = gateway(ECHO).post(body)
    assert (answer.status, answer.code) == (400, code)
    assert words in answer.json["error"]["message"]


def test_a_body_over_the_limit_is_413_before_it_is_read(gateway: Start) -> None:
    served = gateway(ECHO, serving={"max_body": 1000})
    assert served.post(b"1" + b" " * 999).status == 200
    head = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Length: 1001\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as client:
        client.sendall(head)
        assert client.recv(4096).startswith(b"HTTP/1.1 413")
    head = b"POST / HTTP/1.1\r\nHost: it\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as client:
        client.sendall(head + b"3e9\r\n" + b" " * 1001 + b"\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413")
    assert served.post(1).status == 200


def test_a_full_queue_is_429_and_says_when_to_come_back(gateway: Start) -> None:
    served = gateway(HOLD, serving={"queue": 2})
    flag = str(served.app / "go on")
    with ThreadPoolExecutor(8) as clients:
        calls = as_completed([clients.submit(served.post, flag) for _ in range(8)], 30)
        refused = [next(calls).result() for _ in range(5)]
        Path(flag).touch()
        answered = [one.result() for one in calls]
    # One is answered while two wait, and no place is left unused.
    assert [one.status for one in answered] == [200] * 3
    assert {(one.status, one.code) for one in refused} == {(429, "queue_full")}
    assert int(refused[0].headers["retry-after"]) >= 1
    assert served.post(flag).status == 200


def test_workers_answer_side_by_side(gateway: Start) -> None:
    served = gateway(HOLD, serving={"workers": 2})
    assert len(served.workers()) == 2
    flag = str(served.app / "go on")
    with ThreadPoolExecutor(2) as clients:
        held = clients.submit(served.post, flag)
        # Only another worker can answer it: nothing else lets the first one end.
        assert clients.submit(served.post, str(served.app)).result().status == 200
        assert not held.done()
        Path(flag).touch()
        assert held.result().status == 200


def test_a_call_over_time_is_504_and_the_next_one_is_answered(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"timeout": 0.3})
    began = time.monotonic()
    answer = served.post(30)
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    assert time.monotonic() - began < 15  # the call asks for 30
    assert served.post(0).status == 200


def test_a_killed_worker_costs_the_call_it_had_and_no_other(gateway: Start) -> None:
    served = gateway(SLEEP)
    (worker,) = served.workers()
    with ThreadPoolExecutor(4) as clients:
        first = clients.submit(served.post, 30)
        time.sleep(0.2)
        queued = [clients.submit(served.post, 0) for _ in range(3)]
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        lost = first.result()
        assert (lost.status, lost.code) == (502, "worker_died")
        assert "SIGKILL" in lost.json["error"]["message"]
        assert [one.result().status for one in queued] == [200] * 3
    assert served.workers() != [worker]
    assert b"algo_worker_restarts_total 1" in served.ask("GET", "/metrics").body


def test_a_client_that_leaves_frees_its_place(developed: Start) -> None:
    served = developed(
        "import asyncio\n\nasync def apply(value):\n    return await asyncio.sleep(value, value)\n"
    )
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            head = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\n"
            client.sendall(head + b"Content-Length: 2\r\n\r\n20")
            time.sleep(0.4)
    began = time.monotonic()
    assert served.post(0).status == 200
    assert time.monotonic() - began < 10  # each of them asked for 20


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        ("*/*", "application/jsonl", b'{"n":0}\n{"n":1}\n'),
        (
            "text/event-stream",
            "text/event-stream",
            b'id: 1\ndata: {"n":0}\n\nid: 2\ndata: {"n":1}\n\n',
        ),
    ],
)
def test_a_generator_is_streamed(gateway: Start, accept: str, kind: str, body: bytes) -> None:
    served = gateway("def apply(value):\n    for n in range(value):\n        yield {'n': n}\n")
    answer = served.post(2, Accept=accept)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)


def test_faults_hide_their_trace_unless_in_development(gateway: Start, developed: Start) -> None:
    code = "def apply(value):\n    return 1 / value\n"
    served = gateway(code)
    answer = served.post(0)
    assert (answer.status, answer.code) == (500, "exception")
    assert "stacktrace" not in answer.json["error"]
    served.stop()
    logged = json.loads(served.printed[-1])
    assert logged["message"] == "500 exception: ZeroDivisionError: division by zero"
    assert (logged["level"], logged["status"], logged["code"]) == ("error", 500, "exception")
    assert logged["request"] == answer.headers["x-request-id"]
    assert '  File "src/it.py", line 2, in apply' in logged["stacktrace"].splitlines()
    served = developed(code)
    assert 'File "src/it.py", line 2, in apply' in served.post(0).json["error"]["stacktrace"]
    assert served.post(0, **{"User-Agent": "algo/1.0.0"}).status == 500
    served.stop()
    assert served.printed.count('  File "src/it.py", line 2, in apply') == 1


def test_what_ends_a_worker_is_logged(gateway: Start) -> None:
    served = gateway("import os\ndef apply(value):\n    os._exit(3)\n")
    assert served.post(0).status == 502
    served.stop()
    told = "502 worker_died: the worker ended during the call: it exited with code 3"
    (line,) = served.printed
    assert json.loads(line)["message"] == told


def test_what_the_author_refuses_has_no_trace(developed: Start) -> None:
    code = "class AlgorithmError(Exception):\n    code = 'empty'\n"
    code += "def apply(value):\n    raise AlgorithmError('send something')\n"
    answer = developed(code).post("")
    assert (answer.status, answer.json["error"]) == (
        400,
        {"code": "empty", "message": "send something", "type": "AlgorithmError"},
    )


def test_a_newer_edit_overtakes_one_that_never_loads(developed: Start) -> None:
    served = developed("def load():\n    return 1\ndef apply(value, state):\n    return state\n")
    entry = served.app / "src" / "it.py"
    entry.write_text(
        "def load():\n    while True:\n        pass\ndef apply(value, state):\n    return 2\n"
    )
    with ThreadPoolExecutor(1) as control:
        hanging = control.submit(served.reload, "src/it.py")
        time.sleep(0.3)
        assert served.post(0).json == 1
        entry.write_text("def load():\n    return 3\ndef apply(value, state):\n    return state\n")
        assert served.reload("src/it.py")["rung"] == "worker"
        assert hanging.result()["error"]["type"] == "overtaken"
    assert served.post(0).json == 3
    end = time.monotonic() + 10
    while len(served.workers()) != 1:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_file_that_did_not_load_is_still_new_at_the_next_edit(
    developed: Start, tmp_path: Path
) -> None:
    code = f"def load():\n    return int(open('{tmp_path}/data.txt').read())\n"
    (tmp_path / "data.txt").write_text("1")
    served = developed(code + "def apply(value, state):\n    return state\n")
    (served.app / "data.txt").write_text("one")
    assert served.reload("data.txt")["error"]["type"] == "ValueError"
    (served.app / "data.txt").write_text("2")
    (served.app / "src" / "it.py").write_text(
        code + "def apply(value, state):\n    return -state\n"
    )
    assert served.reload("src/it.py")["rung"] == "worker"
    assert served.post(0).json == -2


def test_a_service_that_does_not_load_ends_with_one_reason(gateway: Start) -> None:
    served = gateway("import not_there\n")
    fault = served.first["load_error"]
    assert (fault["type"], fault["file"], fault["line"]) == ("ModuleNotFoundError", "src/it.py", 1)
    assert served.process.wait(10) == 1


def test_sigterm_lets_calls_in_flight_end(gateway: Start) -> None:
    served = gateway(SLEEP)
    with ThreadPoolExecutor(1) as clients:
        running = clients.submit(served.post, 1)
        time.sleep(0.3)
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 15
        assert running.result().status == 200


def test_the_runner_does_not_outlive_a_killed_gateway(gateway: Start) -> None:
    served = gateway(ECHO)
    workers = served.workers()
    served.process.kill()
    served.process.wait()
    end = time.monotonic() + 5
    while any(_alive(pid) for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_killed_gateway_leaves_no_pipes(gateway: Start) -> None:
    served = gateway(ECHO)
    assert served.post(1).status == 200
    served.process.kill()
    served.process.wait()
    assert list(served.temporary.glob("algo-pipes-*")) == []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_control_endpoint_wants_its_token(developed: Start) -> None:
    served = developed(ECHO)
    refused = served.control({"do": "reload", "changed": [], "token": "another"})
    assert (refused["ok"], refused["error"]["type"]) == (False, "bad_token")
    assert served.control({"do": "status"})["ok"] is False
    assert (served.app / "c.sock").stat().st_mode & 0o777 == 0o600
    # What a page can make a browser send is refused, and nothing behind it is looked at.
    with socket.socket(socket.AF_UNIX) as way:
        way.connect(str(served.app / "c.sock"))
        way.sendall(b"POST / HTTP/1.1\n" + json.dumps({"do": "status", "token": TOKEN}).encode())
        way.shutdown(socket.SHUT_WR)
        (said,) = way.makefile().readlines()
    assert json.loads(said)["error"]["type"] == "bad_command"
    assert served.control({"do": "status", "token": TOKEN}) == {
        "ok": True,
        "state": "ready",
        "error": None,
    }
    mode = (served.app / "c.sock").stat().st_mode & 0o777
    assert mode == 0o600


def test_without_the_flag_there_is_no_control_endpoint(gateway: Start, tmp_path: Path) -> None:
    served = gateway(ECHO)
    assert not (tmp_path / "c.sock").exists()
    for path in ("/control", "/reload", "/__control__"):
        assert served.post({"do": "shutdown"}, path).status == 404


def test_the_token_does_not_reach_the_algorithm(developed: Start) -> None:
    served = developed("import os\n\ndef apply(value):\n    return sorted(os.environ)\n")
    assert "ALGO_CONTROL_TOKEN" not in served.post(0).json


STATEFUL = """
import os

def load():
    return os.urandom(8).hex()

def apply(value, state):
    return ["one", state]
"""


def test_an_edit_is_swapped_in_or_loaded_beside_the_old_worker(developed: Start) -> None:
    served = developed(STATEFUL)
    before = served.post(0).json
    file = served.app / "src" / "it.py"
    file.write_text(STATEFUL.replace('"one"', '"two"'))
    said = served.reload("src/it.py")
    assert (said["ok"], said["rung"]) == (True, "swap")
    assert served.post(0).json == ["two", before[1]]
    file.write_text(STATEFUL.replace("urandom(8)", "urandom(4)"))
    said = served.reload("src/it.py")
    assert (said["ok"], said["rung"]) == (True, "worker")
    after = served.post(0).json
    assert (after[0], len(after[1])) == ("one", 8)


def test_a_bad_edit_leaves_the_old_code_and_says_where(developed: Start) -> None:
    served = developed(STATEFUL)
    before = served.post(0).json
    file = served.app / "src" / "it.py"
    file.write_text(STATEFUL.replace("return [", "return ("))
    said = served.reload("src/it.py")
    assert (said["ok"], said["error"]["type"]) == (False, "SyntaxError")
    assert (said["error"]["file"], said["error"]["line"]) == ("src/it.py", 8)
    file.write_text(STATEFUL.replace("os.urandom(8).hex()", "1 / 0"))
    said = served.reload("src/it.py")
    assert (said["ok"], said["error"]["type"]) == (False, "ZeroDivisionError")
    file.unlink()
    said = served.reload("src/it.py")
    assert (said["ok"], said["error"]["message"]) == (False, "src/it.py is not there")
    assert served.post(0).json == before


def test_no_request_is_lost_while_workers_are_replaced(developed: Start) -> None:
    served = developed(STATEFUL)
    statuses: list[int] = []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            statuses.append(served.post(0).status)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    file = served.app / "src" / "it.py"
    for number in range(6):
        file.write_text(STATEFUL.replace("urandom(8)", f"urandom({number + 1})"))
        assert served.reload("src/it.py")["rung"] == "worker"
        enough = len(statuses) + 10
        while len(statuses) < enough and all(thread.is_alive() for thread in threads):
            time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(statuses) > 50
    assert set(statuses) == {200}


def test_lines_that_user_code_prints_are_ours_to_show(gateway: Start) -> None:
    served = gateway("def apply(value):\n    print('hello', value)\n    return value\n")
    answer = served.post(7)
    end = time.monotonic() + 5
    while not any("hello 7" in line for line in served.printed):
        assert time.monotonic() < end
        time.sleep(0.02)
    line = next(line for line in served.printed if "hello 7" in line)
    document = json.loads(line)
    assert (document["message"], document["stream"]) == ("hello 7", "stdout")
    assert document["request"] == answer.headers["x-request-id"]
