"""An error that fails when it is asked what it is ends no worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.languages.language import PROGRAMS, ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    "python": (
        "it.py",
        """class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


def apply(value):
    if value == 1:
        raise Mute()
    return value
""",
    ),
    "ruby": (
        "it.rb",
        """class Mute < StandardError
  def message = raise("no words")
end

def apply(value)
  raise Mute if value == 1
  value
end
""",
    ),
    "javascript": (
        "it.js",
        """exports.apply = (value) => {
  if (value === 1) {
    const error = new Error('words')
    Object.defineProperty(error, 'stack', { get() { throw new Error('no words') } })
    throw error
  }
  return value
}
""",
    ),
    "r": (
        "it.R",
        """conditionMessage.mute <- function(c) stop("no words")

apply <- function(value) {
  if (value == 1) stop(structure(class = c("mute", "error", "condition"), list(call = NULL)))
  value
}
""",
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

    public static int apply(int value) {
        if (value == 1) {
            throw new Mute();
        }
        return value;
    }
}
""",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_error_that_cannot_tell_what_it_is_is_the_algorithms(name: str, tmp_path: Path) -> None:
    language = Language(name, ROOT / "runtimes" / name, PROGRAMS / name)
    if language.lacking:
        lacking(f"{language.lacking} is not installed")
    file, text = SOURCES[name]
    app, made = tmp_path / "app", tmp_path / "made"
    (app / "src").mkdir(parents=True)
    (app / "src" / file).write_text(text)
    entry = f"src/{file}:apply"
    language.build(app, made, entry)
    started = RunnerProcess(language.command(made), app, entrypoint=entry)
    try:
        said = started.load()
        assert said["type"] == "ready", said
        said, _ = started.call(b"1")
        assert (said["type"], said["fault"], said["code"]) == ("error", "algorithm", "exception")
        assert said["message"]
        assert started.call(b"2")[1] == b"2"
    finally:
        started.close()
