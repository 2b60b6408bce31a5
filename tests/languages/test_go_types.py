"""What Go's types say to a caller, and where an error comes from."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.languages.language import ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

GO = Language("go", ROOT / "runtimes" / "go", ROOT / "tests" / "languages" / "types" / "go")
ORDER: dict[str, Any] = {
    "name": "one",
    "count": 2**53 + 1,
    "image": [[1, 2.5], [3, 4]],
    "size": [1, 2],
    "points": [{"x": 1, "y": 2}, {"x": 255}],
    "tags": {"a": 1},
    "at": "2026-01-31T12:00:00Z",
    "level": "low",
    "data": "aGk=",
    "any": None,
}
WHEN = '"2026-01-31T12:00:00Z"'


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The runner on the package, loaded."""
    if GO.lacking:
        lacking(f"{GO.lacking} is not installed")
    app = tmp_path_factory.mktemp("go") / "app"
    shutil.copytree(GO.program, app)
    made = app.parent / "made"
    GO.build(app, made, "src/typed.go:apply")
    one = RunnerProcess(GO.command(made), app, entrypoint="src/typed.go:apply")
    said = one.load()
    assert said["type"] == "ready", said
    yield one
    one.close()


def problems(started: RunnerProcess, order: object) -> dict[str, str]:
    said, _ = started.call(json.dumps(order).encode())
    assert (said["type"], said["fault"], said["code"]) == ("error", "input", "invalid_input"), said
    return {one["path"]: one["message"] for one in said["problems"]}


def test_a_struct_is_read_and_written(started: RunnerProcess) -> None:
    said, body = started.call(json.dumps(ORDER | {"more": ORDER, "raw": [1]}).encode())
    assert said["type"] == "result", said
    assert json.loads(body)["more"]["name"] == "one"
    assert json.loads(body)["points"] == [{"x": 1, "y": 2}, {"x": 255, "y": None}]


def test_a_field_that_is_absent_is_no_zero(started: RunnerProcess) -> None:
    assert problems(started, {}) == {f"input.{name}": "is missing" for name in ORDER}
    part = {name: value for name, value in ORDER.items() if name not in ("tags", "any")}
    assert problems(started, ORDER | {"more": part}) == {
        "input.more.tags": "is missing",
        "input.more.any": "is missing",
    }


def test_every_wrong_place_is_named(started: RunnerProcess) -> None:
    wrong = ORDER | {
        "name": None,
        "count": 1.5,
        "image": [[1, "x", None], 2],
        "size": [1],
        "points": [{"x": 256, "y": "é"}, {"y": 1}],
        "tags": {"a b": True},
        "at": "soon",
        "level": "high",
        "data": "?",
        "note": {},
    }
    assert problems(started, wrong) == {
        "input.name": "expected a string, got null",
        "input.count": "expected an integer, got number 1.5",
        "input.image[0][1]": 'expected a number, got string "x"',
        "input.image[0][2]": "expected a number, got null",
        "input.image[1]": "expected an array, got integer 2",
        "input.size": "expected an array of 2, got 1 items",
        "input.points[0].x": "expected an integer from 0 to 255, got integer 256",
        "input.points[0].y": 'expected a number, got string "\\u00e9"',
        "input.points[1].x": "is missing",
        'input.tags["a b"]': "expected an integer, got boolean true",
        "input.at": f'expected a date and time such as {WHEN}, got string "soon"',
        "input.level": 'there is no level "high"',
        "input.data": 'expected a file, or a string in base64, got string "?"',
        "input.note": "expected a string, got an object",
    }
    assert problems(started, []) == {"input": "expected an object, got an array"}


def test_the_schema_asks_for_what_the_runner_wants(started: RunnerProcess) -> None:
    started.write({"type": "describe", "id": 3})
    order = started.read()[0]["schema"]["input"]["$defs"]["Order"]
    assert order["required"] == list(ORDER)
    assert order["properties"]["level"] == {}
    assert order["properties"]["data"] == {"type": "string", "contentEncoding": "base64"}
    assert "hidden" not in order["properties"]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("returned", "error", "func Apply"),
        ("wrapped", "fs.PathError", "func Apply"),
        ("panicked", "runtime.Error", "input.Points[7]"),
    ],
)
def test_an_error_has_a_type_and_a_line_of_the_author(
    started: RunnerProcess, name: str, kind: str, text: str
) -> None:
    said, _ = started.call(json.dumps(ORDER | {"name": name, "note": "absent"}).encode())
    assert (said["code"], said["error"], said["file"]) == ("exception", kind, "src/typed.go")
    source = (GO.program / "src" / "typed.go").read_text().splitlines()
    line = 1 + next(at for at, one in enumerate(source) if text in one)
    assert said["line"] == line
    assert f"src/typed.go:{line}" in said["stacktrace"]
