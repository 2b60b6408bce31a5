"""What Scala's types say to a caller, through the runner of Java."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.languages.language import ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

TYPES = ROOT / "tests" / "languages" / "types" / "scala"
SCALA = Language("scala", ROOT / "runtimes" / "java", TYPES)
ORDER: dict[str, Any] = {
    "name": "one",
    "count": 2**53 + 1,
    "image": [[1, 2.5], [3, 4]],
    "colour": "Red",
    "points": [{"x": 1, "y": 2}],
    "tags": {"a": 1},
    "note": 4,
    "shape": {"side": 2},
    "tree": {"name": "a", "children": [{"name": "b", "children": []}]},
    "more": {"any": [1, {"b": None}]},
    "times": 2,
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], RunnerProcess]]:
    """Compile and start one of the objects."""
    if SCALA.lacking:
        lacking(f"{SCALA.lacking} is not installed")
    app = tmp_path / "app"
    shutil.copytree(SCALA.program, app)
    started: list[RunnerProcess] = []

    def run(name: str) -> RunnerProcess:
        entry = f"src/typed/{name}.scala:apply"
        SCALA.build(app, tmp_path / "made", entry)
        command = SCALA.command(tmp_path / "made")
        started.append(RunnerProcess(command, app, entrypoint=entry))
        return started[-1]

    yield run
    for one in started:
        one.close()


def test_case_classes_are_read_told_and_written(start: Callable[[str], RunnerProcess]) -> None:
    started = start("Typed")
    ready = started.load()
    assert ready["type"] == "ready", ready
    defined = ready["schema"]["input"]["$defs"]
    assert ready["schema"]["input"]["$ref"] == "#/$defs/Order"
    assert "times" not in defined["Order"]["required"]
    assert "note" not in defined["Order"]["required"]
    assert defined["Order"]["properties"]["count"] == {"type": "integer"}
    assert defined["Order"]["properties"]["note"]["anyOf"][0]["type"] == "integer"
    assert defined["Colour"] == {"enum": ["Red", "Green"]}
    assert defined["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    said, body = started.call(json.dumps(ORDER).encode())
    assert said["type"] == "result", said
    assert json.loads(body) == {"name": "oneone", "sum": 11.0, "order": ORDER}
    without = {key: value for key, value in ORDER.items() if key not in {"times", "note", "more"}}
    _, body = started.call(json.dumps(without | {"shape": "Nothing"}).encode())
    found = json.loads(body)
    assert found["name"] == "oneoneone"
    assert (found["order"]["note"], found["order"]["shape"]) == (None, "Nothing")

    wrong = ORDER | {"note": "x", "points": [{"x": -1, "y": 0}], "tree": {}, "colour": "Blue"}
    said, _ = started.call(json.dumps(wrong).encode())
    assert {one["path"]: one["message"] for one in said["problems"]} == {
        "input.colour": 'expected one of "Red", "Green", got string "Blue"',
        "input.points[0]": "x is left of the picture",
        "input.note": 'expected an integer, got string "x"',
        "input.tree.name": "is missing",
    }


def test_what_scala_comes_with_is_told_by_the_authors_lines(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start("Fails")
    started.load()
    head, *lines = started.call(b"[1, 0]")[0]["stacktrace"].splitlines()
    assert head == "java.lang.ArithmeticException: / by zero"
    assert [line.startswith("\tat typed.Fails$.apply") for line in lines] == [True] * len(lines)
    assert all(line.endswith("(src/typed/Fails.scala:5)") for line in lines)


def test_a_future_is_awaited(start: Callable[[str], RunnerProcess]) -> None:
    started = start("Later")
    assert started.load()["schema"]["output"] == {"type": "string"}
    assert started.call(b"0.05")[1] == b"done"


def test_a_batch_is_answered_one_by_one(start: Callable[[str], RunnerProcess]) -> None:
    started = start("Batch")
    assert started.load()["batch"]
    bodies = [b"1", b"13", b"2"]
    calls = [
        {"id": number, "content_type": "application/json", "length": len(body)}
        for number, body in enumerate(bodies, 1)
    ]
    started.write({"type": "batch", "calls": calls}, b"".join(bodies))
    answers = {said["id"]: (said, body) for said, body in (started.read() for _ in bodies)}
    assert (answers[1][1], answers[3][1]) == (b"3", b"6")
    assert answers[2][0]["message"] == "unlucky"


def test_what_cannot_be_an_input_is_told_by_the_compiler(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(SCALA.program, app)
    SCALA.build(app, tmp_path / "made", "src/typed/Typed.scala:apply")
    file = app / "src" / "typed" / "Typed.scala"
    file.write_text("package typed\n\nobject Typed:\n  def apply(input: Thread): Int = 1\n")
    done = SCALA.try_build(app, tmp_path / "made", "src/typed/Typed.scala:apply")
    assert done.returncode == 1
    assert "take a case class, an enum" in done.stderr
    file.write_text("package typed\n\nobject Typed:\n  def apply(input: Any): Int = text\n")
    done = SCALA.try_build(app, tmp_path / "made", "src/typed/Typed.scala:apply")
    assert "src/typed/Typed.scala:4:" in done.stderr
    file.write_text(
        "package typed\n\nimport cats.effect.IO\n\nobject Typed:\n  def apply(n: Int) = n\n"
    )
    done = SCALA.try_build(app, tmp_path / "made", "src/typed/Typed.scala:apply")
    hint = "hint: add what has cats.effect.IO to the dependencies of pom.xml, then: algo lock"
    assert done.stderr.splitlines()[-1] == hint
