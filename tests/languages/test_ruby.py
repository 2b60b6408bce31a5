"""What else Ruby's runner does: its author's streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.languages.language import ROOT
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtimes.conftest import Frame

RUNTIME = ROOT / "runtimes" / "ruby"
pytestmark = pytest.mark.program("ruby")
STREAMS = """require "logger"

def apply(act)
  case act
  when "logger" then Logger.new($stdout, formatter: ->(*, text) { "#{text}\\n" }).info("logged")
  when "binmode" then $stdout.binmode.set_encoding("UTF-8").print("plain")
  when "syswrite" then $stdout.syswrite("sys\\n")
  when "close"
    $stdout.close
    puts "on" unless $stdout.closed?
  when "puts" then puts [], [1, [2]]
  end
  1
end
"""
PIECES = """def apply(text)
  print text
  sleep 0.3
  puts text
  text
end
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """Start the runner on a source."""
    started: list[RunnerProcess] = []

    def run(code: str, **hello: object) -> RunnerProcess:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "it.rb").write_text(code)
        command = ["ruby", f"{RUNTIME}/run.rb"]
        started.append(RunnerProcess(command, tmp_path, entrypoint="src/it.rb:apply", **hello))
        assert started[-1].load()["type"] == "ready"
        return started[-1]

    yield run
    for one in started:
        one.close()


def answers(started: RunnerProcess, count: int) -> list[Frame]:
    """Return all frames up to the last of so many answers."""
    found: list[Frame] = []
    while sum(header["type"] != "log" for header, _ in found) < count:
        found.append(started.read(logs=True))
    return found


@pytest.mark.parametrize(
    ("act", "printed"),
    [
        ("logger", b"logged"),
        ("binmode", b"plain"),
        ("syswrite", b"sys"),
        ("close", b"on"),
        ("puts", b"1\n2"),
    ],
)
def test_the_streams_do_what_those_of_ruby_do(
    start: Callable[..., RunnerProcess], act: str, printed: bytes
) -> None:
    started = start(STREAMS)
    started.write({"type": "call", "id": 5, "content_type": "text/plain"}, act.encode())
    *logs, (said, _) = answers(started, 1)
    assert said["type"] == "result", said
    assert b"\n".join(body for _, body in logs) == printed
    assert {header["call"] for header, _ in logs} == {5}


def test_what_calls_print_in_pieces_at_the_same_time_stays_apart(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start(PIECES, concurrency=2)
    for number, text in ((1, b"one"), (2, b"two")):
        started.write({"type": "call", "id": number, "content_type": "text/plain"}, text)
    logs = {header["call"]: body for header, body in answers(started, 2) if "call" in header}
    assert logs == {1: b"oneone", 2: b"twotwo"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "it ends too early at line 1, column 1"),
        ('{"a": tru}', "expected a value at line 1, column 7"),
        ("[1 2]", "expected a comma or ] at line 1, column 4"),
        ('{"a": 1', "it ends too early at line 1, column 8"),
        ("{a: 1}", "expected a name in double quotes at line 1, column 2"),
        ('{"a" 1}', "expected a colon at line 1, column 6"),
        ("1 2", "something follows the value at line 1, column 3"),
        ('["a]', "the string does not end at line 1, column 2"),
        (r'["a\x"]', "there is no such escape at line 1, column 4"),
        (r'["a\u12"]', "expected four hexadecimal digits at line 1, column 4"),
        ('["a\tb"]', "a control character must be escaped at line 1, column 4"),
        ("1 // one", "something follows the value at line 1, column 3"),
    ],
)
def test_malformed_json_is_told_with_what_is_wrong(
    start: Callable[..., RunnerProcess], body: str, told: str
) -> None:
    said, _ = start("def apply(input) = input").call(body.encode())
    assert (said["code"], said["message"]) == ("malformed_json", f"the body is not JSON: {told}")
