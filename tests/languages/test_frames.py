"""What every language's runner does on its pipes (runtimes/README.md)."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from algo_gateway.wire.frames import LENGTHS, MAX_HEADER

from tests.languages.language import Language, each
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


def test_it_says_hello_with_its_protocol_and_language(start: Callable[..., RunnerProcess]) -> None:
    said = start().hello()
    assert (said["type"], said["protocol"]) == ("hello", 1)
    assert said["language"]
    assert set(said["capabilities"]) <= {"fork", "share", "swap", "describe"}


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
        LENGTHS.pack(4, 0) + b"nope",
        LENGTHS.pack(2, 0) + b"[]",
        LENGTHS.pack(2, 0) + b"{}",
        LENGTHS.pack(15, 0) + b'{"type":"what"}',
    ],
    ids=["header too long", "no JSON", "no object", "no type", "unknown type"],
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


def test_calls_that_have_not_begun_are_given_back(start: Callable[..., RunnerProcess]) -> None:
    started = start()
    if not started.load().get("ahead"):
        return  # it is sent none
    body = b'{"do": "sleep", "seconds": 0.1}'
    for number in (5, 6, 7):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, body)
    started.write({"type": "withdraw", "ids": [6, 7]})
    answers = sorted((started.read()[0] for _ in range(3)), key=lambda header: header["id"])
    assert [(one["type"], one["id"]) for one in answers[:1]] == [("result", 5)]
    assert [(one["type"], one["id"]) for one in answers[1:]] == [("withdrawn", 6), ("withdrawn", 7)]


def test_a_cancelled_stream_ends(start: Callable[..., RunnerProcess]) -> None:
    started = start()
    started.load()
    header = {"type": "call", "id": 4, "content_type": "application/json"}
    started.write(header, b'{"do": "stream", "count": 100000000}')
    assert started.read()[0]["type"] == "chunk"
    started.write({"type": "cancel", "id": 4})
    while (said := started.read()[0])["type"] == "chunk":
        pass
    assert (said["type"], said["id"]) == ("end", 4)
    assert started.call(b"1")[1] == b'{"got":1}'


def test_an_entry_that_is_not_there_is_told_by_its_name(
    start: Callable[..., RunnerProcess],
) -> None:
    said = start(entrypoint="src/gone.js:apply").load()
    assert said["type"] == "load_error"
    assert "src/gone.js is not there" in said["message"]
