"""What every runner does (runtimes/README.md). Another one is tested by naming it: ALGO_RUNNER."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from algo_gateway.wire.frames import LENGTHS, MAX_HEADER

from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]

PLAIN = "def apply(value):\n    return {'got': value}\n"
EX_PROTOCOL = 76


def test_it_says_hello_with_its_protocol_and_language(runner: Start) -> None:
    said = runner(PLAIN).hello()
    assert (said["type"], said["protocol"]) == ("hello", 1)
    assert said["language"]
    assert set(said["capabilities"]) <= {"fork", "share", "swap", "describe", "trace"}


def test_it_ends_when_the_pipe_is_closed(runner: Start) -> None:
    started = runner(PLAIN)
    started.load()
    os.close(started.process.sink)
    assert started.exit_code() == 0


def test_it_ends_on_shutdown_after_the_calls_it_has(runner: Start) -> None:
    started = runner("import time\ndef apply(value):\n    time.sleep(0.2)\n    return value\n")
    started.load()
    started.write({"type": "call", "id": 3, "content_type": "application/json"}, b"5")
    started.write({"type": "shutdown"})
    header, body = started.read()
    assert (header["type"], header["id"], body) == ("result", 3, b"5")
    assert started.exit_code() == 0


@pytest.mark.parametrize(
    "raw",
    [
        LENGTHS.pack(MAX_HEADER + 1, 0),
        LENGTHS.pack(4, 0) + b"nope",
        LENGTHS.pack(2, 0) + b"[]",
        LENGTHS.pack(2, 0) + b"{}",
        LENGTHS.pack(15, 0) + b'{"type":"what"}',
    ],
    ids=["header too long", "no JSON", "no object", "no type", "unknown type"],
)
def test_garbage_ends_it_with_a_protocol_error(runner: Start, raw: bytes) -> None:
    started = runner(PLAIN)
    started.load()
    started.write_raw(raw)
    assert started.exit_code() == EX_PROTOCOL


def test_another_protocol_is_refused(runner: Start) -> None:
    started = runner(PLAIN, protocol=99)
    with pytest.raises(EOFError):
        started.hello()
    assert started.exit_code() == EX_PROTOCOL


@pytest.mark.parametrize(
    ("kind", "body", "content"),
    [
        ("application/json", b'{"a": [1, 2.5, null]}', '{"got":{"a":[1,2.5,null]}}'),
        ("application/json; charset=utf-8", '"é"'.encode(), '{"got":"é"}'),
        ("application/vnd.acme+json", b"1", '{"got":1}'),
        ("application/x-www-form-urlencoded", b"[1]", '{"got":[1]}'),
        ("text/plain", "é".encode(), '{"got":"é"}'),
        ("text/plain; charset=latin-1", "é".encode("latin-1"), '{"got":"é"}'),
    ],
)
def test_what_the_content_type_says_is_what_apply_gets(
    runner: Start, kind: str, body: bytes, content: str
) -> None:
    started = runner(PLAIN)
    started.load()
    header, result = started.call(body, 11, kind)
    assert (header["type"], header["id"]) == ("result", 11)
    assert (header["content_type"], result.decode()) == ("application/json", content)


def test_bytes_go_in_and_out_as_they_are(runner: Start) -> None:
    started = runner("def apply(value):\n    return value[::-1]\n")
    started.load()
    large = os.urandom(3_000_000)
    header, result = started.call(large, 2, "application/octet-stream")
    assert header["content_type"] == "application/octet-stream"
    assert result == large[::-1]
    header, result = started.call(b'"abc"', 3)
    assert (header["content_type"].partition(";")[0], result) == ("text/plain", b"cba")


def test_load_gets_the_models_and_apply_its_result(runner: Start, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.txt").write_text("weights")
    started = runner(
        """
        from pathlib import Path

        def load(models):
            return {name: Path(path).read_text() for name, path in models.items()}

        def apply(value, state):
            return [value, state]
        """,
        models={"m": "models/m.txt"},
    )
    assert started.load()["type"] == "ready"
    assert json.loads(started.call(b"1")[1]) == [1, {"m": "weights"}]


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("def apply(value:\n    pass\n", "SyntaxError", 1),
        ("import not_there\n\ndef apply(value):\n    pass\n", "ModuleNotFoundError", 1),
        ("def load():\n    return 1 / 0\n\ndef apply(value):\n    pass\n", "ZeroDivisionError", 2),
        ("def other(value):\n    pass\n", "AttributeError", 0),
        ("\ndef apply():\n    return 1\n", "BadSignature", 2),
        ("def apply(one, two, three):\n    return 1\n", "BadSignature", 1),
        ("def apply(one, *, how):\n    return 1\n", "BadSignature", 1),
        ("def load(a, b):\n    pass\ndef apply(one):\n    return 1\n", "BadSignature", 1),
        ("\n\ndef apply_batch():\n    return []\n", "BadSignature", 3),
    ],
)
def test_what_does_not_load_is_told_with_file_and_line(
    runner: Start, code: str, error: str, line: int
) -> None:
    said = runner(code).load()
    assert (said["type"], said["error"], said["line"]) == ("load_error", error, line)
    assert said["file"] == ("src/it.py" if line else "")
    assert said["message"]
    assert "algo_runner" not in said["stacktrace"]


@pytest.mark.parametrize(
    "code",
    [
        "def apply(*values):\n    return values[0]\n",
        "def apply(value, state=None, more=3, *, how=4):\n    return value\n",
        "def load(models=None, *more):\n    return 1\ndef apply(value, state):\n    return value\n",
        "class Model:\n    def __call__(self, value):\n        return value\napply = Model()\n",
        "import functools\napply = functools.partial(max, 0)\n",
    ],
)
def test_whatever_can_be_called_as_the_contract_says_loads(runner: Start, code: str) -> None:
    started = runner(code)
    assert started.load()["type"] == "ready"
    assert json.loads(started.call(b"7")[1]) == 7


def test_an_entry_that_is_not_there_is_told_by_its_name(runner: Start) -> None:
    started = runner(PLAIN, entrypoint="src/gone.py:apply")
    said = started.load()
    assert (said["type"], said["message"]) == ("load_error", "src/gone.py is not there")


CALLS = """
    class AlgorithmError(Exception):
        def __init__(self, message, code="bad_input"):
            super().__init__(message)
            self.code = code

    def helper(value):
        return 1 / value

    def apply(value):
        if value == "caller":
            raise AlgorithmError("not this one", code="too_odd")
        if value == "nan":
            return float("nan")
        if value == "object":
            return object()
        if value == "exit":
            raise SystemExit(3)
        if value == "memory":
            raise MemoryError
        return helper(value)
"""


@pytest.mark.parametrize(
    ("body", "kind", "fault", "code", "message"),
    [
        (b'"caller"', "application/json", "caller", "too_odd", "not this one"),
        (b"0", "application/json", "algorithm", "exception", "division by zero"),
        (b'"exit"', "application/json", "algorithm", "exception", "exit(3)"),
        (b'"memory"', "application/json", "algorithm", "exception", "more memory than"),
        (b'"nan"', "application/json", "result", "result_not_finite", "NaN"),
        (b'"object"', "application/json", "result", "result_not_serialisable", "object"),
        (b'{"a": }', "application/json", "input", "malformed_json", "column 7"),
        (b'"a', "application/json", "input", "malformed_json", "starting at line 1, column 1"),
        (b"NaN", "application/json", "input", "malformed_json", "NaN"),
        (b"", "application/json", "input", "malformed_json", "line 1, column 1"),
        (b'"\xff"', "application/json", "input", "not_utf8", "byte 1"),
        (b"\xff", "text/plain", "input", "not_utf8", "byte 0"),
    ],
)
def test_whose_fault_it_is(
    runner: Start, body: bytes, kind: str, fault: str, code: str, message: str
) -> None:
    started = runner(CALLS)
    started.load()
    header, _ = started.call(body, 5, kind)
    assert (header["type"], header["id"]) == ("error", 5)
    assert (header["fault"], header["code"]) == (fault, code)
    assert message in header["message"]
    # The worker goes on.
    assert started.call(b"4", 6)[1] == b"0.25"


def test_a_fault_of_the_algorithm_has_its_frames_and_none_of_ours(runner: Start) -> None:
    started = runner(CALLS)
    started.load()
    header, _ = started.call(b"0")
    assert (header["error"], header["file"], header["line"]) == (
        "ZeroDivisionError",
        "src/it.py",
        8,
    )
    assert 'File "src/it.py", line 8, in helper' in header["stacktrace"]
    assert "algo_runner" not in header["stacktrace"]
    assert str(started.app) not in header["stacktrace"]


def test_a_message_that_is_no_utf8_is_told_all_the_same(runner: Start) -> None:
    started = runner("def apply(value):\n    raise KeyError(value)\n")
    started.load()
    header, _ = started.call(b'"\\ud800"')
    assert (header["type"], header["error"], header["message"]) == (
        "error",
        "KeyError",
        "'\\ud800'",
    )
    started.app.joinpath("src/it.py").write_text("def apply(value):\n    raise ValueError(value)\n")
    started.write({"type": "reload", "changed": ["src/it.py"]})
    assert started.read()[0]["type"] == "reloaded"
    started.write({"type": "commit"})
    assert started.call(b'"\\ud800 here"', 2)[0]["message"] == "? here"


def test_a_generator_streams_and_its_end_is_told(runner: Start) -> None:
    started = runner("def apply(value):\n    for n in range(value):\n        yield n\n")
    started.load()
    frames = [started.call(b"3", 9)] + [started.read() for _ in range(3)]
    assert [header["type"] for header, _ in frames] == ["chunk", "chunk", "chunk", "end"]
    assert [body for _, body in frames[:3]] == [b"0", b"1", b"2"]
    assert {header["id"] for header, _ in frames} == {9}


def test_a_generator_that_raises_ends_with_an_error(runner: Start) -> None:
    started = runner("def apply(value):\n    yield 1\n    raise ValueError('late')\n")
    started.load()
    assert started.call(b"3", 9)[0]["type"] == "chunk"
    header, _ = started.read()
    assert (header["type"], header["message"]) == ("error", "late")


def test_printed_lines_carry_the_call_they_belong_to(runner: Start) -> None:
    started = runner(
        """
        import os, sys

        def apply(value):
            print("out", value)
            print("err", value, file=sys.stderr)
            return value
        """
    )
    started.load()
    started.write({"type": "call", "id": 21, "content_type": "application/json"}, b"1")
    logs: dict[str, tuple[int, str]] = {}
    answered = False
    while not (answered and len(logs) == 2):
        header, body = started.read(logs=True)
        if header["type"] == "log":
            logs[header["stream"]] = (header["call"], body.decode().strip())
        else:
            answered = header["type"] == "result"
    assert logs == {"stdout": (21, "out 1"), "stderr": (21, "err 1")}


def test_calls_of_an_async_algorithm_run_side_by_side(runner: Start) -> None:
    started = runner(
        """
        import asyncio

        async def apply(value):
            await asyncio.sleep(value)
            return value
        """,
        concurrency=4,
    )
    assert started.load()["cancels"] is True
    for number, seconds in ((1, b"0.9"), (2, b"0.1"), (3, b"0.5")):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, seconds)
    # One after the other they would come in the order in which they went.
    assert [started.read()[0]["id"] for _ in range(3)] == [2, 3, 1]


def test_a_cancelled_async_call_ends_with_an_error(runner: Start) -> None:
    started = runner(
        "import asyncio\n\nasync def apply(value):\n    await asyncio.sleep(value)\n", concurrency=2
    )
    started.load()
    started.write({"type": "call", "id": 4, "content_type": "application/json"}, b"30")
    time.sleep(0.1)
    began = time.monotonic()
    started.write({"type": "cancel", "id": 4})
    header, _ = started.read()
    assert (header["type"], header["id"]) == ("error", 4)
    assert time.monotonic() - began < 5


def test_an_async_call_that_is_cancelled_at_once_ends_with_an_error(runner: Start) -> None:
    started = runner("async def apply(value):\n    return value\n", concurrency=2)
    started.load()
    call = b'{"type":"call","id":4,"content_type":"application/json"}'
    cancel = b'{"type":"cancel","id":4}'
    raw = LENGTHS.pack(len(call), 1) + call + b"1" + LENGTHS.pack(len(cancel), 0) + cancel
    started.write_raw(raw)  # both are there before the call can begin
    header, _ = started.read()
    assert (header["type"], header["id"]) == ("error", 4)
    assert started.call(b"2", 5)[1] == b"2"


STATEFUL = """
    import os

    def load():
        return {"made": os.urandom(8).hex()}

    def apply(value, state):
        return ["one", state["made"]]
"""


def edit(started: RunnerProcess, old: str, new: str) -> None:
    file = started.app / "src" / "it.py"
    file.write_text(file.read_text().replace(old, new))


def reload(started: RunnerProcess, *changed: str) -> dict[str, object]:
    started.write({"type": "reload", "changed": list(changed or ("src/it.py",))})
    return started.read()[0]


def test_an_edit_of_apply_is_swapped_in_and_keeps_the_state(runner: Start) -> None:
    started = runner(STATEFUL)
    started.load()
    before = json.loads(started.call(b"0")[1])
    edit(started, '"one"', '"two"')
    said = reload(started)
    assert (said["type"], said["rung"]) == ("reloaded", "swap")
    assert json.loads(started.call(b"0")[1]) == before
    started.write({"type": "commit"})
    assert json.loads(started.call(b"0")[1]) == ["two", before[1]]


def test_what_is_discarded_is_never_served(runner: Start) -> None:
    started = runner(STATEFUL)
    started.load()
    before = started.call(b"0")[1]
    edit(started, '"one"', '"two"')
    assert reload(started)["rung"] == "swap"
    started.write({"type": "discard"})
    started.write({"type": "commit"})
    assert started.call(b"0")[1] == before


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("urandom(8)", "urandom(9)", "src/it.py"),
        ('"one"', '"one"', "models/weights.bin"),
    ],
    ids=["load", "a model"],
)
def test_an_edit_that_load_depends_on_wants_a_new_worker(
    runner: Start, old: str, new: str, changed: str
) -> None:
    started = runner(STATEFUL)
    started.load()
    edit(started, old, new)
    said = reload(started, changed)
    assert (said["type"], said["rung"]) == ("reloaded", "worker")


def test_a_bad_edit_is_told_and_the_old_code_goes_on(runner: Start) -> None:
    started = runner(STATEFUL)
    started.load()
    before = started.call(b"0")[1]
    edit(started, "return [", "return (")
    said = reload(started)
    assert (said["type"], said["error"], said["file"]) == ("load_error", "SyntaxError", "src/it.py")
    assert started.call(b"0")[1] == before
    edit(started, "return (", "return [")
    assert reload(started)["type"] == "reloaded"


def test_a_forked_worker_speaks_on_the_pipes_it_is_given(runner: Start, tmp_path: Path) -> None:
    parent = runner(PLAIN)
    if "fork" not in parent.hello()["capabilities"]:
        lacking("this runner does not fork")
    requests, replies = tmp_path / "in", tmp_path / "out"
    os.mkfifo(requests)
    os.mkfifo(replies)
    sink = os.open(requests, os.O_RDWR)
    source = os.open(replies, os.O_RDONLY | os.O_NONBLOCK)
    fork = {"type": "fork", "id": 1, "requests": str(requests), "replies": str(replies)}
    parent.write(fork)
    forked, _ = parent.read()
    assert (forked["type"], forked["id"]) == ("forked", 1)
    os.set_blocking(source, True)
    time.sleep(0.2)
    worker = type(parent).__new__(type(parent))
    worker.app, worker._data = parent.app, b""
    worker.process = type(parent.process)(0, source, sink)
    assert worker.read()[0]["type"] == "hello"
    worker.write({"type": "load", "id": 1})
    assert worker.read()[0]["type"] == "ready"
    assert worker.call(b"1")[1] == b'{"got":1}'
    os.kill(forked["pid"], signal.SIGKILL)
    ended, _ = parent.read()
    assert (ended["type"], ended["pid"], ended["code"]) == ("exited", forked["pid"], -9)
    worker.close()


def test_a_forked_worker_without_its_pipes_ends_in_silence(
    runner: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parent = runner(PLAIN)
    if "fork" not in parent.hello()["capabilities"]:
        lacking("this runner does not fork")
    gone = {"requests": str(tmp_path / "in"), "replies": str(tmp_path / "out")}
    parent.write({"type": "fork", "id": 1, **gone})
    # In whichever order: the child may end before the parent has told its number.
    said = {header["type"]: header for header, _ in (parent.read(), parent.read())}
    assert (said["exited"]["pid"], said["exited"]["code"]) == (said["forked"]["pid"], 0)
    assert capfd.readouterr().err == ""


def test_calls_that_were_not_begun_can_be_taken_back(runner: Start) -> None:
    started = runner("import time\ndef apply(value):\n    time.sleep(value)\n    return value\n")
    if not started.load().get("ahead"):
        lacking("this runner takes no calls ahead of time")
    for number, seconds in ((1, b"2.0"), (2, b"0.0"), (3, b"0.25")):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, seconds)
    time.sleep(0.1)
    started.write({"type": "withdraw", "ids": [1, 2]})
    started.write({"type": "call", "id": 4, "content_type": "application/json"}, b"0.125")
    said = [started.read()[0] for _ in range(4)]
    # The first had begun.
    assert [(header["type"], header["id"]) for header in said] == [
        ("result", 1),
        ("withdrawn", 2),
        ("result", 3),
        ("result", 4),
    ]
