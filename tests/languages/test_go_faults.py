"""Errors of Go that break while they are told, and functions that are refused with their line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.languages.language import PROGRAMS, ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GO = Language("go", ROOT / "runtimes" / "go", PROGRAMS / "go")
ENTRY = "src/it.go:apply"
FAULTS = """package it

import "runtime"

type E struct{ text string }

func (e *E) Error() string { return e.text }

type Mute struct{}

func (Mute) Error() string { panic("no words") }

type Result struct{}

func (Result) MarshalJSON() ([]byte, error) { panic("no JSON") }

type Input struct {
	Do   string `json:"do"`
	Note string `json:"note,omitempty"`
}

func Apply(input Input) (any, error) {
	switch input.Do {
	case "nil":
		var e *E
		return 1, e
	case "mute":
		return 1, Mute{}
	case "result":
		return Result{}, nil
	case "exit":
		runtime.Goexit()
	}
	return input.Note, nil
}
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], RunnerProcess]]:
    """Compile a source, and start the runner on it."""
    if GO.lacking:
        lacking(f"{GO.lacking} is not installed")
    started: list[RunnerProcess] = []

    def run(text: str) -> RunnerProcess:
        app = tmp_path / "app"
        (app / "src").mkdir(parents=True)
        (app / "go.mod").write_text("module example.com/it\n\ngo 1.23\n")
        (app / "src" / "it.go").write_text(text)
        GO.build(app, tmp_path / "made", ENTRY)
        started.append(RunnerProcess(GO.command(tmp_path / "made"), app, entrypoint=ENTRY))
        return started[-1]

    yield run
    for one in started:
        one.close()


def test_an_error_that_breaks_while_it_is_told_is_the_algorithms(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start(FAULTS)
    assert started.load()["type"] == "ready"
    for do, told, text in (
        ("nil", "a nil *it.E was returned as an error", "func Apply"),
        ("mute", "no words", "no words"),
        ("result", "no JSON", "no JSON"),
        ("exit", "runtime.Goexit", "runtime.Goexit"),
    ):
        said, _ = started.call(json.dumps({"do": do}).encode())
        assert (said["type"], said["fault"], said["code"]) == ("error", "algorithm", "exception")
        assert told in said["message"]
        lines = FAULTS.splitlines()
        assert said["file"] == "src/it.go"
        assert said["line"] == 1 + next(at for at, one in enumerate(lines) if text in one)
    assert started.call(b'{"do": "", "note": "on"}')[1] == b"on"


def test_a_key_in_other_capitals_is_another_key(start: Callable[[str], RunnerProcess]) -> None:
    started = start(FAULTS)
    started.load()
    said, _ = started.call(b'{"DO": ""}')
    assert said["problems"] == [{"path": "input.do", "message": "is missing"}]
    assert started.call(b'{"do": "", "note": "a", "NOTE": 7, "Note": "b"}')[1] == b"a"
    assert started.call(b'{"Note": "b", "do": ""}')[1] == b""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("func Apply(x int) (int, string) { return x, `` }", "returns a result and an error"),
        (
            "func Load() (string, error) { return ``, nil }\n"
            "func Apply(x int, state int) int { return x }",
            "Apply takes a int, but Load returns a string",
        ),
        (
            "func Load() (any, error) { return ``, nil }\n"
            "func Apply(x int, state int) int { return x }",
            "Apply takes a int, but Load returns a string",
        ),
        (
            "func Load() error { return nil }\nfunc Apply(x int, state int) int { return x }",
            "Load returns no state",
        ),
    ],
    ids=["two results", "another state", "another state within any", "no state"],
)
def test_a_function_of_no_allowed_form_is_refused_with_its_line(
    start: Callable[[str], RunnerProcess], code: str, told: str
) -> None:
    said = start(f"package it\n\n{code}\n").load()
    assert said["type"] == "load_error"
    assert told in said["message"]
    assert (said["file"], said["line"]) == ("src/it.go", 2 + len(code.splitlines()))


def test_a_load_that_ends_its_goroutine_is_a_load_error(
    start: Callable[[str], RunnerProcess],
) -> None:
    code = (
        'import "runtime"\n\nfunc Load() { runtime.Goexit() }\nfunc Apply(x int) int { return x }'
    )
    said = start(f"package it\n\n{code}\n").load()
    assert (said["type"], said["error"], said["line"]) == ("load_error", "runtime.Goexit", 5)


def test_a_batch_that_ends_its_goroutine_is_answered(start: Callable[[str], RunnerProcess]) -> None:
    body = "if x[0] == 1 {\n\t\truntime.Goexit()\n\t}\n\treturn x"
    code = f'import "runtime"\n\nfunc ApplyBatch(x []int) []int {{\n\t{body}\n}}'
    started = start(f"package it\n\n{code}\n")
    assert started.load()["type"] == "ready"
    said, _ = started.call(b"1")
    assert (said["code"], said["error"], said["line"]) == ("exception", "runtime.Goexit", 7)
    assert started.call(b"2")[1] == b"2"
