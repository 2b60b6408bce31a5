"""Errors of Go that break while they are told, and functions that are refused with their line."""

from __future__ import annotations

import json
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.languages.language import PROGRAMS, ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

GO = Language("go", ROOT / "runtimes" / "go", PROGRAMS / "go")
ENTRY = "src/it.go:apply"
EX_PROTOCOL = 76
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


def test_a_program_of_its_own_is_told_in_its_file_with_what_to_write(tmp_path: Path) -> None:
    if GO.lacking:
        lacking(f"{GO.lacking} is not installed")
    (tmp_path / "src").mkdir()
    (tmp_path / "go.mod").write_text("module example.com/it\n\ngo 1.23\n")
    text = "// It.\npackage main\n\nfunc Apply(x int) int { return x }\n\nfunc main() {}\n"
    (tmp_path / "src" / "it.go").write_text(text)
    done = GO.try_build(tmp_path, tmp_path / "made", ENTRY)
    assert done.returncode == 1
    assert done.stderr.startswith("src/it.go:2: package main is that of a program")
    assert "\nhint: write package it, without func main" in done.stderr


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


TURNS = """package it

import (
	"fmt"
	"runtime"
	"time"
)

type Input struct {
	Wait int    `json:"wait"`
	Do   string `json:"do"`
}

func Apply(input Input) int {
	if input.Wait > 0 {
		time.Sleep(time.Duration(input.Wait) * time.Microsecond)
	}
	switch input.Do {
	case "print":
		fmt.Println("waited", input.Wait)
	case "exit":
		runtime.Goexit()
	}
	return input.Wait
}
"""


def test_calls_that_last_and_calls_that_do_not_are_answered_once_each_in_turn(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start(TURNS)
    assert started.load()["type"] == "ready"
    random = Random(5)
    calls = {
        number: {
            "wait": random.choice((0, 0, 0, 600, 1000, 1100, 4000)),
            "do": random.choice(("", "", "print", "exit")),
        }
        for number in range(10, 810)
    }
    ahead, answered, printed = iter(calls.items()), list[int](), list[int]()
    for _ in range(4):
        send(started, *next(ahead))
    while len(answered) < len(calls):
        said, body = started.read(logs=True)
        if said["type"] == "log":
            assert body == f"waited {calls[said['call']]['wait']}".encode()
            printed.append(said["call"])
            continue
        asked = calls[said["id"]]
        if asked["do"] == "exit":
            assert (said["type"], said["error"]) == ("error", "runtime.Goexit")
        else:
            assert (said["type"], int(body)) == ("result", asked["wait"])
        answered.append(said["id"])
        if following := next(ahead, None):
            send(started, *following)
    assert answered == list(calls)
    assert printed == [number for number, asked in calls.items() if asked["do"] == "print"]


def test_the_call_behind_one_that_lasts_is_given_back_while_it_lasts(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start(TURNS)
    started.load()
    for number in range(1, 9):  # each after the last has gone: the deputy is there again
        send(started, number, {"wait": 500_000, "do": ""})
        send(started, 1000 + number, {"wait": 0, "do": ""})
        started.write({"type": "withdraw", "ids": [1000 + number]})
        found = [started.read()[0] for _ in range(2)]
        assert [(one["type"], one["id"]) for one in found] == [
            ("withdrawn", 1000 + number),
            ("result", number),
        ]


def test_lengths_that_are_not_the_bodys_end_the_worker(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start("package it\n\nfunc ApplyBatch(x []int) []int { return x }\n")
    started.load()
    calls = [{"id": 1, "content_type": "application/json", "length": 9}]
    started.write({"type": "batch", "calls": calls}, b"1")
    assert started.exit_code() == EX_PROTOCOL


def send(started: RunnerProcess, number: int, asked: Mapping[str, object]) -> None:
    header = {"type": "call", "id": number, "content_type": "application/json"}
    started.write(header, json.dumps(asked).encode())


DEEP = """package it

func Apply(depth int) int {
	return down(depth)
}

func down(depth int) int {
	if depth == 0 {
		panic("deep enough")
	}
	return 1 + down(depth-1)
}
"""


def test_a_function_that_calls_itself_is_told_once(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start(DEEP)
    started.load()
    for depth, more in ((20, ["  ... 19 more like it"]), (300, [])):
        told = started.call(str(depth).encode())[0]["stacktrace"].splitlines()
        assert told[:5] == [
            "panic: deep enough",
            *("  src.down", "    src/it.go:9"),
            *("  src.down", "    src/it.go:11"),
        ]
        assert told[-2:] == ["  src.Apply", "    src/it.go:4"]
        assert len([line for line in told if line.endswith(" more")]) == (depth == 300)
        assert more == [] or told[5:-2] == more
        assert len(told) < 14


TRACE = """printed before
runtime: goroutine stack exceeds 1000000000-byte limit
runtime: sp=0x25a535bf8388 stack=[0x25a535bf8000, 0x25a555bf8000]
fatal error: stack overflow

runtime stack:
runtime.throw({0x576db7?, 0x25a5159732c0?})
\truntime/panic.go:1229 +0x48 fp=0x25a5159c1e98 sp=0x25a5159c1e68 pc=0x480908

goroutine 5 gp=0x25a515973680 m=3 mp=0x25a5159ab008 [running]:
example.com/it/src.(*T).down(0x3fffdf7?)
\texample.com/it/src/it.go:19 +0x2c fp=0x25a535bf8398 sp=0x25a535bf8390 pc=0x537e6c
...2300 frames elided...
example.com/it/src.Apply({{0x0, 0x0}})
\texample.com/it/src/it.go:37 +0x18
example.com/it/src.Apply({{0x0, 0x1}})
\texample.com/it/src/it.go:37 +0x18
example.com/it/src.Apply({{0x0, 0x2}})
\texample.com/it/src/it.go:37 +0x18
reflect.Value.Call({0x5571e0?, 0x5a8b58?, 0x0?}, {0x25a5159d0000?, 0x1, 0x1})
\treflect/value.go:365 +0xb2

goroutine 1 gp=0x1 m=nil [chan receive, 2 minutes]:
algo.dev/runner.(*worker).run(0x25a5159e4000)
\talgo.dev/runner/worker.go:60 +0x9c

goroutine 21 gp=0x2 m=nil [chan receive]:
example.com/it/src.waits()
\texample.com/it/src/it.go:25 +0x1c
created by example.com/it/src.Load in goroutine 6
\texample.com/it/src/it.go:29 +0x25

goroutine 22 gp=0x3 m=nil [chan receive]:
example.com/it/src.waits()
\texample.com/it/src/it.go:25 +0x1d
created by example.com/it/src.Load in goroutine 6
\texample.com/it/src/it.go:29 +0x25
"""
TOLD = """printed before
runtime: goroutine stack exceeds 1000000000-byte limit
fatal error: stack overflow

goroutine 5 [running]:
  src.(*T).down
    src/it.go:19
  ... 2300 more
  src.Apply
    src/it.go:37
  ... 2 more like it

goroutine 21 [chan receive] and 1 more:
  src.waits
    src/it.go:25
  created by src.Load
    src/it.go:29"""
INIT = """package it

import "os"

func init() { os.Exit(7) }

func Apply(x int) int { return x }
"""


def test_a_program_tells_its_last_trace_by_the_authors_frames(
    start: Callable[[str], RunnerProcess], tmp_path: Path
) -> None:
    start(INIT)
    command = [*GO.command(tmp_path / "made"), "--trace"]
    for text, told in ((TRACE, TOLD), ("last words\n", "last words\n"), ("", "")):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        assert done.stdout == told
