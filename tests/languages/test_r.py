"""What R's runner does for many calls together, and must keep apart: prints, errors, sinks."""

from __future__ import annotations

import json
import shutil
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.languages.language import each, languages
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.languages.language import Language
    from tests.runtimes.conftest import Frame

LENGTHS = struct.Struct("<IQ")
CODE = """
apply <- function(input) {
  if (identical(input$do, "print")) cat("no end")
  if (identical(input$do, "warn")) warning("careful")
  if (identical(input$do, "fail")) stop("broken")
  if (identical(input$do, "sink")) sink(tempfile())
  if (identical(input$do, "unsink")) sink()
  if (identical(input$do, "records")) return(rep(list(list(a = c(b = 1), c = matrix(1))), 30))
  wrong <- list(function(x) x, function() 1, sum, list(function(emit) emit(1)))
  if (identical(input$do, "function")) return(wrong[[input$x]])
  if (identical(input$do, "stream")) return(function(emit) for (one in 1:2) emit(one))
  if (identical(input$do, "no columns")) return(data.frame(x = 1:3)[, 0])
  input$x
}
"""


@pytest.fixture(scope="module", params=[one for one in each() if one.id in ("r", "r-native")])
def language(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Language:
    """R with its runner's part in C, and without."""
    found: Language = request.param
    if found.lacking:
        lacking(f"{found.lacking} is not installed: python3 -m tests.machine setup")
    return found.prepared(tmp_path_factory.mktemp(found.id))


@pytest.fixture
def runner(language: Language, tmp_path: Path) -> Iterator[RunnerProcess]:
    """The runner, with the calls of a test in its pipe before it reads any."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.R").write_text(CODE)
    command = language.command(tmp_path)
    started = RunnerProcess(command, tmp_path, entrypoint="src/it.R:apply")
    assert started.load()["ahead"] is True
    yield started
    started.close()


def answers(runner: RunnerProcess, *bodies: str) -> list[Frame]:
    """Send calls as the gateway writes them, all at once; return all frames that answer."""
    sent = b""
    for number, body in enumerate(bodies, 1):
        header = b'{"type":"call","id":%d,"content_type":"application/json"}' % number
        sent += LENGTHS.pack(len(header), len(body)) + header + body.encode()
    runner.write_raw(sent)
    found: list[Frame] = []
    while sum(header["type"] != "log" for header, _ in found) < len(bodies):
        found.append(runner.read(logs=True))
    return found


def test_calls_that_came_together_are_answered_in_turn(runner: RunnerProcess) -> None:
    found = answers(runner, *(f'{{"x": {number}}}' for number in range(1, 17)))
    assert [(one["id"], int(body)) for one, body in found] == [(n, n) for n in range(1, 17)]


def test_what_each_printed_is_told_before_its_answer(runner: RunnerProcess) -> None:
    found = answers(runner, '{"do":"print","x":1}', '{"x":2}', '{"do":"warn","x":3}')
    told = [(one["type"], one.get("call", one.get("id")), body) for one, body in found]
    assert told == [
        ("log", 1, b"no end"),
        ("result", 1, b"1"),
        ("result", 2, b"2"),
        ("log", 3, b"Warning: careful"),
        ("result", 3, b"3"),
    ]


def test_an_error_is_of_its_call_alone(runner: RunnerProcess) -> None:
    found = answers(runner, '{"x":1}', '{"do":"fail"}', "{", '{"x":4}')
    assert [(one["type"], one["id"]) for one, _ in found] == [
        ("result", 1),
        ("error", 2),
        ("error", 3),
        ("result", 4),
    ]
    assert (found[1][0]["message"], found[1][0]["line"]) == ("broken", 5)
    assert found[2][0]["code"] == "malformed_json"


@pytest.mark.parametrize("do", ["sink", "unsink"])
def test_a_sink_that_a_call_leaves_open_or_closes_is_not_that_of_the_next(
    runner: RunnerProcess, do: str
) -> None:
    found = answers(runner, f'{{"do":"{do}","x":1}}', '{"do":"print","x":2}', '{"x":3}')
    assert [(one["type"], body) for one, body in found] == [
        ("result", b"1"),
        ("log", b"no end"),
        ("result", b"2"),
        ("result", b"3"),
    ]


@pytest.mark.parametrize("number", ["1e5", "0.1", "123456789012", "-7", "2.5e-3", "true", "null"])
def test_a_number_comes_back_as_it_is(runner: RunnerProcess, number: str) -> None:
    [(_, body)] = answers(runner, f'{{"x":{number}}}')
    assert body.decode() == {"1e5": "100000", "2.5e-3": "0.0025"}.get(number, number)


def test_many_records_are_written_as_a_few_are(runner: RunnerProcess) -> None:
    [(_, records), (_, frame)] = answers(runner, '{"do":"records"}', '{"do":"no columns"}')
    assert json.loads(records) == [{"a": {"b": 1}, "c": [[1]]}] * 30
    assert json.loads(frame) == [{}] * 3


def test_a_function_is_a_stream_where_it_takes_emit(runner: RunnerProcess) -> None:
    pieces, end = answers(runner, '{"do":"stream"}'), [runner.read(), runner.read()]
    told = [(said["type"], body) for said, body in pieces + end]
    assert told == [("chunk", b"1"), ("chunk", b"2"), ("end", b"")]


@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_another_function_is_no_result(runner: RunnerProcess, which: int) -> None:
    [(said, _), (after, _)] = answers(runner, f'{{"do":"function","x":{which}}}', '{"x":2}')
    assert (said["type"], said["code"]) == ("error", "result_not_serialisable")
    assert "first argument is called emit" in said["message"]
    assert after["type"] == "result"


def test_a_library_that_was_made_of_another_source_is_left_alone(tmp_path: Path) -> None:
    """An image may be older than the runner that is laid upon it."""
    runtime, library = tmp_path / "runtimes" / "r", tmp_path / "native"
    (found,) = [one for one in languages() if one.name == "r"]
    if found.lacking:
        lacking(f"{found.lacking} is not installed: python3 -m tests.machine setup")
    shutil.copytree(found.runtime, runtime)
    library.mkdir()
    (library / "frames.c").write_bytes((runtime / "frames.c").read_bytes() + b"/* older */\n")
    (library / "frames.so").write_text("no library")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.R").write_text(CODE)
    command = replace(found, runtime=runtime).command(tmp_path)
    started = RunnerProcess(command, tmp_path, entrypoint="src/it.R:apply")
    try:
        assert started.load()["type"] == "ready"
        assert started.call(b'{"x":1}')[1] == b"1"
    finally:
        started.close()


def test_a_handler_of_algorithmia_that_is_given_no_function_says_so(
    language: Language, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "it.R").write_text('getAlgorithmHandler("apply")$serve()\n')
    command = language.command(tmp_path)
    started = RunnerProcess(
        command, tmp_path, entrypoint="src/it.R:algorithm", written_for="algorithmia"
    )
    said = started.load()
    started.close()
    assert said["type"] == "load_error"
    assert said["message"] == "getAlgorithmHandler takes a function that answers an input"
