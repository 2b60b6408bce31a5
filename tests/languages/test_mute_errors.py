"""An error that fails when it is asked what it is ends no worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.languages.language import PROGRAMS, ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from pathlib import Path

# A program, and the line of its file that an error is told with, by what asks for it.
SOURCES: dict[str, tuple[str, str, dict[int, int]]] = {
    "python": (
        "it.py",
        """class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


class AlgorithmError(Exception):
    @property
    def code(self):
        raise KeyError("no code")


class Kind(Exception):
    @property
    def error_type(self):
        raise SystemExit("no type")


def apply(value):
    if value == 1:
        raise Mute()
    if value == 2:
        raise AlgorithmError("refused")
    if value == 3:
        raise Kind()
    if value == 4:
        raise ValueError("half a pair: \\ud800")
    return value
""",
        {1: 20, 2: 22, 3: 15, 4: 26},
    ),
    "ruby": (
        "it.rb",
        """class Mute < StandardError
  def message = raise("no words")
end

class AlgorithmError < StandardError
  def code = raise("no code")
end

class Lost < StandardError
  def backtrace = raise("no frames")
end

class Odd < StandardError
  def backtrace = 7
end

class Coded < AlgorithmError
  def code = Object.new.tap { |one| def one.to_s = raise("no text") }
end

def apply(value)
  raise Mute if value == 1
  raise AlgorithmError, "refused" if value == 2
  raise Lost if value == 3
  raise Odd if value == 4
  raise Errno::EPIPE, "of another pipe" if value == 5
  raise "bytes: \\xff".b if value == 6
  raise "latin: \\xe9".dup.force_encoding("ISO-8859-1") if value == 7
  raise Coded, "refused" if value == 8
  value
end
""",
        {1: 22, 2: 23, 3: 10, 4: 0, 5: 26, 6: 27, 7: 28, 8: 29},
    ),
    "javascript": (
        "it.js",
        """const broken = (name, error = new Error('words')) =>
  Object.defineProperty(error, name, { get() { throw new Error('no words') } })
class AlgorithmError extends Error {}

exports.apply = (value) => {
  if (value === 1) throw broken('stack')
  if (value === 2) throw broken('code')
  if (value === 3) throw broken('code', new AlgorithmError('refused'))
  if (value === 4) throw broken('message')
  if (value === 5) return broken('then', {})
  if (value === 6) throw Object.assign(new Error('of another pipe'), { code: 'EPIPE' })
  return value
}
""",
        {1: 2, 2: 1, 3: 8, 4: 2, 5: 2, 6: 11},
    ),
    "r": (
        "it.R",
        """conditionMessage.mute <- function(c) stop("no words")

error <- function(kind, ...) structure(class = c(kind, "error", "condition"), list(...))

apply <- function(value) {
  if (value == 1) stop(error("mute"))
  if (value == 2) stop(error("AlgorithmError", message = "refused", code = sum))
  if (value == 3) stop(error("odd", message = sum))
  if (value == 4) stop("bytes: \\xff\\xfe")
  value
}
""",
        {1: 6, 2: 7, 3: 8, 4: 9},
    ),
    "java": (
        "It.java",
        """public class It {
    static class Mute extends RuntimeException {
        @Override
        public String getMessage() {
            throw new IllegalStateException("no words");
        }
    }

    static class Lost extends RuntimeException {
        @Override
        public StackTraceElement[] getStackTrace() {
            throw new IllegalStateException("no frames");
        }
    }

    static class Odd extends RuntimeException {
        @Override
        public StackTraceElement[] getStackTrace() {
            return null;
        }
    }

    static class AlgorithmError extends RuntimeException {
        public String code() {
            throw new IllegalStateException("no code");
        }
    }

    static class Causeless extends RuntimeException {
        @Override
        public Throwable getCause() {
            throw new IllegalStateException("no cause");
        }
    }

    public static int apply(int value) {
        switch (value) {
            case 1: throw new Mute();
            case 2: throw new Lost();
            case 3: throw new Odd();
            case 4: throw new AlgorithmError();
            case 5: throw new Causeless();
            case 6: throw new IllegalStateException("half a pair: " + (char) 0xd800);
            default: return value;
        }
    }
}
""",
        {1: 38, 2: 12, 3: 0, 4: 41, 5: 32, 6: 43},
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_error_that_cannot_tell_what_it_is_is_the_algorithms(name: str, tmp_path: Path) -> None:
    language = Language(name, ROOT / "runtimes" / name, PROGRAMS / name)
    if language.lacking:
        lacking(f"{language.lacking} is not installed")
    file, text, lines = SOURCES[name]
    app, made = tmp_path / "app", tmp_path / "made"
    (app / "src").mkdir(parents=True)
    (app / "src" / file).write_text(text)
    entry = f"src/{file}:apply"
    language.build(app, made, entry)
    started = RunnerProcess(language.command(made), app, entrypoint=entry)
    try:
        said = started.load()
        assert said["type"] == "ready", said
        for value, line in lines.items():
            said, _ = started.call(str(value).encode())
            assert (said["type"], said["fault"], said["code"]) == (
                "error",
                "algorithm",
                "exception",
            )
            assert said["message"]
            assert (said["file"], said["line"]) == (f"src/{file}" if line else "", line)
        assert started.call(b"9")[1] == b"9"
    finally:
        started.close()
