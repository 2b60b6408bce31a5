from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from algo.main import run

from tests.commands.test_serve import hello, serving

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["hello"]

VIRTUALENV = ["--engine", "virtualenv"]


def test_one_call_prints_the_result_alone(hello: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert run(["run", "-d", '{"name": "Ada"}', *VIRTUALENV]) == 0
    assert json.loads(capfd.readouterr().out) == {"greeting": "Hello Ada!"}


def test_a_running_serve_is_used(
    hello: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(hello, *VIRTUALENV) as served:
        edited = (hello / "src" / "hello.py").read_text().replace("Hello", "Good day")
        (hello / "src" / "hello.py").write_text(edited)
        served.wait_for_reloads(1)
        capfd.readouterr()
        # There is no engine by this address: only the running instance can have answered.
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
        (hello / "note.json").write_text('{"name": "Lin"}')
        assert run(["run", "-i", "name=Ada"]) == 0
        assert run(["run", ".", "-D", "note.json"]) == 0
        assert run(["run", served.url, "-d", '"Eve"', "-o", "out.json"]) == 0
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'"Joe"')))
        assert run(["run", "-"]) == 0
        lines = capfd.readouterr().out.splitlines()
        assert [json.loads(line)["greeting"] for line in lines] == [
            "Good day Ada!",
            "Good day Lin!",
            "Good day Joe!",
        ]
        answer = json.loads((hello / "out.json").read_text())
        assert answer == {"greeting": "Good day Eve!"}


def test_an_answer_that_is_late_is_told_as_such(
    hello: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = hello / "src" / "hello.py"
    entry.write_text("import time\ndef apply(value):\n    time.sleep(value)\n    return value\n")
    with serving(hello, *VIRTUALENV):
        capfd.readouterr()
        assert run(["run", "-d", "0.1", "--timeout", "5"]) == 0
        assert run(["run", "-d", "5", "--timeout", "0.3"]) == 1
        told = capfd.readouterr().err
        assert "error[answer_late]: no answer from http" in told
        assert "within 0.3 s" in told
    for wrong in ("0", "-1", "nan", "inf", "1e308"):
        assert run(["run", "-d", "1", "--timeout", wrong]) == 2
        assert "number of seconds" in capfd.readouterr().err


def test_a_failing_algorithm_is_exit_code_1_with_its_message(
    hello: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "-d", "{}", *VIRTUALENV]) == 1
    captured = capfd.readouterr()
    assert "Created" in captured.out or captured.out == "" or "name" in captured.out
    assert 'send {"name": "Ada"}' in captured.err
    assert run(["run", "-d", "{}", "--json", *VIRTUALENV]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert (error["code"], error["algorithm_code"]) == ("algorithm_failed", "name_missing")


def test_what_is_wrong_with_an_input_is_told_to_programs_place_by_place(
    hello: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "def apply(value: dict[str, int]) -> int:\n    return len(value)\n"
    (hello / "src" / "hello.py").write_text(code)
    for case in (hello / "cases").iterdir():
        case.write_text('[{"name": "words", "input": {"a": "one", "b": 2}, "expected": 2}]')
    told = [{"path": "input.a", "message": 'expected an integer, got string "one"'}]
    capfd.readouterr()
    assert run(["run", "-d", '{"a": "one", "b": 2}', "--json", *VIRTUALENV]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["code"] == "algorithm_failed"
    assert error["problems"] == told
    assert run(["test", "-k", "words", "--json", *VIRTUALENV]) == 1
    outcome, *_ = json.loads(capfd.readouterr().out)["outcomes"]
    assert outcome["problems"] == told


def test_of_a_stream_that_fails_what_came_is_shown_then_its_error(
    hello: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "def apply(pieces):\n    yield from pieces\n    raise ValueError('in the middle')\n"
    (hello / "src" / "hello.py").write_text(code)
    assert run(["run", "-d", "[1, 2]", *VIRTUALENV]) == 1
    captured = capfd.readouterr()
    assert captured.out == "1\n2\n"
    assert "error[algorithm_failed]: exception: ValueError: in the middle" in captured.err
    assert "src/hello.py" in captured.err
    assert run(["run", "-d", '["one ", "two"]', *VIRTUALENV]) == 1
    captured = capfd.readouterr()
    assert captured.out == "one two\n"
    assert "error[algorithm_failed]: the stream was cut after 7 bytes" in captured.err
    assert "ValueError: in the middle" in captured.err
    assert run(["run", "-d", "[1]", "-o", "answer", *VIRTUALENV]) == 1
    assert not (hello / "answer").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["run"], "input_invalid", 2),
        (["run", "-d", "{oops"], "input_invalid", 2),
        (["run", "-d", "1", "-i", "a=1"], "input_invalid", 2),
        (["run", "-D", "missing.json"], "input_invalid", 2),
        (["run", "one", "two", "-d", "1"], "input_invalid", 2),
        (["run", "nothing-here", "-d", "1"], "target_unknown", 2),
        (["run", "http://127.0.0.1:9", "-d", "1"], "service_unreachable", 3),
    ],
)
def test_what_cannot_be_called_is_named(
    hello: Path,
    arguments: list[str],
    code: str,
    exit_code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == exit_code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
