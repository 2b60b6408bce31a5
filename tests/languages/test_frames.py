"""What every language's runner does on its pipes (runtimes/README.md)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from algo_gateway.wire.frames import LENGTHS, MAX_HEADER

from tests.languages.language import Language, each
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtimes.conftest import Header

EX_PROTOCOL = 76


@pytest.fixture(scope="module", params=each())
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Language, Path]:
    """A language and the folder of the suite's program, compiled where that is needed."""
    language: Language = request.param
    if language.lacking:
        reason = f"{language.lacking} is not installed: python3 -m tests.machine setup"
        lacking(reason)
    language = language.prepared(tmp_path_factory.mktemp(language.id))
    app = tmp_path_factory.mktemp(language.name) / "app"
    shutil.copytree(language.program, app)
    language.build(app, app.parent / "made")
    return language, app


@pytest.fixture
def start(built: tuple[Language, Path]) -> Iterator[Callable[..., RunnerProcess]]:
    """Start the language's runner on the suite's program."""
    language, app = built
    started: list[RunnerProcess] = []

    def run(**hello: object) -> RunnerProcess:
        more = {"entrypoint": language.entrypoint, **hello}
        started.append(RunnerProcess(language.command(app.parent / "made"), app, **more))
        return started[-1]

    yield run
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def ready(built: tuple[Language, Path]) -> Iterator[tuple[Header, RunnerProcess]]:
    """What a runner said when it had loaded, and itself: for tests that leave it as it was."""
    language, app = built
    command = language.command(app.parent / "made")
    started = RunnerProcess(command, app, entrypoint=language.entrypoint)
    yield started.load(), started
    started.close()


@pytest.fixture
def loaded(ready: tuple[Header, RunnerProcess]) -> RunnerProcess:
    said, started = ready
    assert said["type"] == "ready", said
    return started


def plain(number: int, body: bytes) -> bytes:
    """Return a call with JSON as the gateway writes it: its header need not be parsed."""
    return frame(b'{"type":"call","id":%d,"content_type":"application/json"}' % number, body)


def frame(header: bytes, body: bytes = b"") -> bytes:
    return LENGTHS.pack(len(header), len(body)) + header + body


def test_it_says_hello_with_its_protocol_and_language(start: Callable[..., RunnerProcess]) -> None:
    said = start().hello()
    assert (said["type"], said["protocol"]) == ("hello", 1)
    assert said["language"]
    assert set(said["capabilities"]) <= {"fork", "share", "swap", "describe", "trace"}


def test_it_ends_when_the_pipe_is_closed(start: Callable[..., RunnerProcess]) -> None:
    started = start()
    assert started.load()["type"] == "ready"
    os.close(started.process.sink)
    assert started.exit_code() == 0


def test_it_ends_on_shutdown_after_the_calls_it_has(start: Callable[..., RunnerProcess]) -> None:
    started = start()
    started.load()
    body = b'{"do": "sleep", "seconds": 0.2}'
    started.write({"type": "call", "id": 3, "content_type": "application/json"}, body)
    started.write({"type": "shutdown"})
    header, answer = started.read()
    assert (header["type"], header["id"], answer) == ("result", 3, b"0.2")
    assert started.exit_code() == 0


@pytest.mark.parametrize(
    "raw",
    [
        LENGTHS.pack(MAX_HEADER + 1, 0),
        frame(b"nope"),
        frame(b"[]"),
        frame(b"{}"),
        frame(b'{"type":"what"}'),
        frame(b'{"type":"call","id":\0\0,"content_type":"application/json"}', b"1"),
    ],
    ids=[
        "header too long",
        "no JSON",
        "no object",
        "no type",
        "unknown type",
        "zero bytes in a call",
    ],
)
def test_garbage_ends_it_with_a_protocol_error(
    start: Callable[..., RunnerProcess], raw: bytes
) -> None:
    started = start()
    started.load()
    started.write_raw(raw)
    assert started.exit_code() == EX_PROTOCOL


def test_another_protocol_is_refused(start: Callable[..., RunnerProcess]) -> None:
    started = start(protocol=99)
    with pytest.raises(EOFError):
        started.hello()
    assert started.exit_code() == EX_PROTOCOL


def test_calls_that_have_not_begun_are_given_back(ready: tuple[Header, RunnerProcess]) -> None:
    said, started = ready
    if not said.get("ahead"):
        return  # it is sent none
    body = b'{"do": "sleep", "seconds": 0.1}'
    for number in (5, 6, 7):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, body)
    started.write({"type": "withdraw", "ids": [6, 7]})
    started.write({"type": "cancel", "id": 6})  # its client left meanwhile
    started.write_raw(plain(8, b"8"))
    answers = sorted((started.read()[0] for _ in range(4)), key=lambda header: header["id"])
    found = [(one["type"], one["id"]) for one in answers]
    assert found == [("result", 5), ("withdrawn", 6), ("withdrawn", 7), ("result", 8)]
    assert started.call(b"6", 6)[1] == b'{"got":6}', "it may come again"


def test_a_cancelled_stream_ends(loaded: RunnerProcess) -> None:
    header = {"type": "call", "id": 4, "content_type": "application/json"}
    loaded.write(header, b'{"do": "stream", "count": 100000000}')
    assert loaded.read()[0]["type"] == "chunk"
    loaded.write({"type": "cancel", "id": 4})
    while (said := loaded.read()[0])["type"] == "chunk":
        pass
    assert (said["type"], said["id"]) == ("end", 4)
    assert loaded.call(b"1")[1] == b'{"got":1}'


def test_a_frame_may_come_in_pieces(loaded: RunnerProcess) -> None:
    whole = plain(11, b'{"do":"echo","value":[1,2]}')
    for cut in (1, 4, 11, 12, 13, len(whole) - 28, len(whole) - 27, len(whole) - 1):
        loaded.write_raw(whole[:cut])
        time.sleep(0.01)  # it reads so far
        loaded.write_raw(whole[cut:])
        header, body = loaded.read()
        assert (header["id"], json.loads(body)) == (11, [1, 2])


@pytest.mark.parametrize("cut", [5, 30])
def test_half_a_frame_is_kept_while_it_looks_for_what_was_taken_back(
    loaded: RunnerProcess, cut: int
) -> None:
    later = plain(13, b"13")
    for busy in (b'{"do":"sleep","seconds":0.05}', b'{"do":"stream","count":3}'):
        loaded.write_raw(plain(12, busy) + later[:cut])
        while loaded.read()[0]["type"] == "chunk":
            pass
        loaded.write_raw(later[cut:])
        header, body = loaded.read()
        assert (header["id"], json.loads(body)) == (13, {"got": 13})


def test_many_calls_in_one_piece_have_their_own_answers(loaded: RunnerProcess) -> None:
    numbers = range(1, 501)
    loaded.write_raw(b"".join(plain(number, b"%d" % number) for number in numbers))
    answers = [loaded.read() for _ in numbers]
    found = [(header["id"], json.loads(body)["got"]) for header, body in answers]
    assert found == [(number, number) for number in numbers]


@pytest.mark.parametrize("buffer", [1 << 13, 1 << 16, 1 << 20])
def test_a_frame_may_end_anywhere_in_a_buffer(loaded: RunnerProcess, buffer: int) -> None:
    for size in (buffer - 60, buffer - 6, buffer, buffer + 1):
        padding = b" " * (size - len(plain(14, b"14")))
        loaded.write_raw(plain(14, padding + b"14") + plain(15, b"15"))
        answers = [loaded.read() for _ in range(2)]
        assert [json.loads(body)["got"] for _, body in answers] == [14, 15], size


@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 20) + 1])
def test_bytes_of_any_length_come_back(loaded: RunnerProcess, size: int) -> None:
    body = (b"\0\n\r\xff" * (size // 4 + 1))[:size]
    header, answer = loaded.call(body, 16, "application/octet-stream")
    assert (header["type"], header["id"]) == ("result", 16)
    assert answer == body[::-1]


@pytest.mark.parametrize("number", [100_000, 2**31 - 1, 2**31, 2_200_000_000, 2**53 - 1])
def test_an_answer_has_the_id_of_its_call(loaded: RunnerProcess, number: int) -> None:
    calls = {
        plain(number, b"1"): ["result"],
        plain(number, b'{"do":"stream","count":1}'): ["chunk", "end"],
        plain(number, b"{"): ["error"],
        frame(b'{"type":"call","id":%d,"content_type":"text/plain"}' % number, b"1"): ["result"],
    }
    for call, types in calls.items():
        loaded.write_raw(call)
        found = [loaded.read()[0] for _ in types]
        assert [(one["type"], one["id"]) for one in found] == [(kind, number) for kind in types]
        assert all(type(one["id"]) is int for one in found)


@pytest.mark.parametrize(
    "header",
    [
        b'{"type":"call","id":17,"traceparent":"00-ab-cd-01","content_type":"application/json"}',
        b'{"type":"call","id":17,"content_type":"application/json","tracestate":"a=\\"b\\""}',
        b'{"content_type":"application/json","id":17,"type":"call"}',
        b'{"type":"call","id":17,"content_type":"application\\/json"}',
        b'{"type":"call","id":17,"content_type":"application/json; of=\\"\\u00e9\\n\\""}',
        b'{"type":"call","id":17}',
    ],
)
def test_a_header_may_say_the_same_in_other_words(loaded: RunnerProcess, header: bytes) -> None:
    loaded.write_raw(frame(header, b"17"))
    said, body = loaded.read()
    assert (said["type"], said["id"], json.loads(body)) == ("result", 17, {"got": 17})


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_a_call_prints_is_told_before_its_answer(loaded: RunnerProcess, stream: str) -> None:
    text = "é" * 100_000
    said = json.dumps({"do": "print", "text": text, "to": stream}).encode()
    loaded.write_raw(plain(18, said) + plain(19, b"19"))
    found = [loaded.read(logs=True)]
    while found[-1][0].get("id") != 19:
        found.append(loaded.read(logs=True))
    *logs, first, _ = found
    assert [(one["stream"], one["call"]) for one, _ in logs] == [(stream, 18)] * len(logs)
    assert b"".join(body for _, body in logs).decode() == text
    assert (first[0]["type"], first[0]["id"]) == ("result", 18)


def test_several_places_answer_every_call_once_before_it_ends(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start(concurrency=3)
    started.load()
    numbers = range(1, 31)
    bodies = [b'{"do":"sleep","seconds":0.01}' if one % 3 else b"%d" % one for one in numbers]
    started.write_raw(b"".join(plain(one, body) for one, body in enumerate(bodies, 1)))
    started.write({"type": "shutdown"})
    answers = [started.read() for _ in numbers]
    assert sorted(header["id"] for header, _ in answers) == list(numbers)
    assert {header["type"] for header, _ in answers} == {"result"}
    assert started.exit_code() == 0


def test_an_entry_that_is_not_there_is_told_by_its_name(
    start: Callable[..., RunnerProcess],
) -> None:
    said = start(entrypoint="src/gone.js:apply").load()
    assert said["type"] == "load_error"
    assert "src/gone.js is not there" in said["message"]


def test_a_file_is_named_wherever_the_project_lies(
    built: tuple[Language, Path], tmp_path: Path
) -> None:
    language, app = built
    link = tmp_path / "a é %41#日"
    link.symlink_to(app, target_is_directory=True)
    started = RunnerProcess(
        language.command(app.parent / "made"), link, entrypoint=language.entrypoint
    )
    try:
        assert started.load()["type"] == "ready"
        said, _ = started.call(b'{"do":"raise","message":"here"}')
    finally:
        started.close()
    file = language.entrypoint.partition(":")[0]
    assert said["file"] == file
    assert file in said["stacktrace"]
    assert str(app) not in said["stacktrace"]


def test_a_signal_to_end_is_no_error_of_the_call_that_runs(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start()
    started.load()
    started.write_raw(plain(20, b'{"do":"sleep","seconds":30}'))
    time.sleep(0.2)  # it has begun
    os.kill(started.process.pid, signal.SIGTERM)
    with pytest.raises(EOFError):
        started.read()
    assert started.exit_code() in {-signal.SIGTERM, 128 + signal.SIGTERM}
