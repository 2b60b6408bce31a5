"""What Java's types say to a caller, and what else its runner knows."""

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

    from tests.runtimes.conftest import Header

JAVA = Language("java", ROOT / "runtimes" / "java", ROOT / "tests" / "languages" / "types" / "java")
ORDER: dict[str, Any] = {
    "name": "one",
    "count": 2**53 + 1,
    "image": [[1, 2.5], [3, 4]],
    "colour": "RED",
    "points": [{"x": 1, "y": 2}],
    "tags": {"a": 1},
    "day": "2026-01-31",
}
INT = "expected an integer from -2147483648 to 2147483647"
NOTHING = {"note": None, "shape": None, "file": None}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if JAVA.lacking:
        lacking(f"{JAVA.lacking} is not installed")
    app = tmp_path_factory.mktemp("types") / "app"
    shutil.copytree(JAVA.program, app)
    JAVA.build(app, app.parent / "packages", "src/Typed.java:apply")
    return app


@pytest.fixture
def start(built: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """Start the runner on one of the classes."""
    started: list[RunnerProcess] = []

    def run(entry: str) -> RunnerProcess:
        command = JAVA.command(built.parent / "packages")
        started.append(RunnerProcess(command, built, entrypoint=f"src/{entry}"))
        return started[-1]

    yield run
    for one in started:
        one.close()


def ready(started: RunnerProcess) -> Header:
    said = started.load()
    assert said["type"] == "ready", said
    return said


def problems(started: RunnerProcess, order: object) -> dict[str, str]:
    said, _ = started.call(json.dumps(order).encode())
    assert (said["type"], said["fault"], said["code"]) == ("error", "input", "invalid_input")
    return {one["path"]: one["message"] for one in said["problems"]}


def test_a_record_is_read_and_written(start: Callable[..., RunnerProcess]) -> None:
    started = start("Typed.java:apply")
    ready(started)
    said, body = started.call(json.dumps(ORDER).encode())
    assert said["type"] == "result", said
    assert json.loads(body) == {"name": "one", "sum": 10.5, "order": ORDER | NOTHING}


def test_what_a_thread_throws_is_in_the_log_with_the_authors_file(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start("Threads.java:apply")
    ready(started)
    started.write({"type": "call", "id": 7, "content_type": "text/plain"}, b"mine")
    said, body = started.read(logs=True)
    assert (said["type"], said["stream"], said["call"]) == ("log", "stderr", 7)
    assert body.decode().splitlines() == [
        'Exception in thread "mine" java.lang.IllegalStateException: in a thread',
        "\tat Threads.lambda$apply$0(src/Threads.java:6)",
    ]
    assert started.read()[0]["type"] == "result"
    assert started.call(b"pool", kind="text/plain")[0]["stacktrace"].splitlines() == [
        "java.lang.IllegalStateException: in a thread",
        "\tat Threads.lambda$apply$0(src/Threads.java:6)",
    ]


def test_a_deep_stack_is_told_by_both_ends(start: Callable[..., RunnerProcess]) -> None:
    started = start("Deep.java:turns")
    ready(started)
    head, *lines = started.call(b"100")[0]["stacktrace"].splitlines()
    turns, back = "\tat Deep.turns(src/Deep.java:14)", "\tat Deep.back(src/Deep.java:18)"
    assert head == "java.lang.IllegalStateException: deep enough"
    assert lines[:3] == ["\tat Deep.deeper(src/Deep.java:8)", turns, back]
    assert lines[49:52] == [turns, "\t... 102 more", back]
    assert lines[-2:] == [back, turns]
    assert len(lines) == 101


def test_a_method_that_calls_itself_is_told_once(start: Callable[..., RunnerProcess]) -> None:
    started = start("Deep.java:apply")
    ready(started)
    assert started.call(b"200")[0]["stacktrace"].splitlines()[1:] == [
        "\tat Deep.deeper(src/Deep.java:8)",
        "\tat Deep.deeper(src/Deep.java:10)",
        "\t... 199 more like it",
        "\tat Deep.apply(src/Deep.java:3)",
    ]


def test_what_is_built_in_is_told_by_the_authors_line(start: Callable[..., RunnerProcess]) -> None:
    started = start("Deep.java:first")
    ready(started)
    assert started.call(b"x", kind="text/plain")[0]["stacktrace"].splitlines() == [
        'java.lang.NumberFormatException: For input string: "x"',
        "\tat Deep.first(src/Deep.java:22)",
    ]


def test_of_a_recursion_without_an_end_there_is_what_java_keeps_of_it(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start("Deep.java:apply")
    ready(started)
    said, _ = started.call(b"-1")
    assert (said["error"], said["file"], said["line"]) == (
        "StackOverflowError",
        "src/Deep.java",
        10,
    )
    head, *lines = said["stacktrace"].splitlines()
    assert head == "java.lang.StackOverflowError: StackOverflowError"
    assert {one for one in lines if "more" not in one} <= {
        *(f"\tat Deep.deeper(src/Deep.java:{one})" for one in (7, 10)),
        "\t... and what Java does not keep",
    }
    assert len(lines) < 6
    assert lines[-1] == "\t... and what Java does not keep"
    assert started.call(b"0")[0]["message"] == "deep enough"


def test_records_are_told_as_json_schema(start: Callable[..., RunnerProcess]) -> None:
    schema = ready(start("Typed.java:apply"))["schema"]
    order = schema["input"]["$defs"]["Order"]
    assert schema["input"]["$ref"] == "#/$defs/Order"
    assert order["required"] == ["name", "count", "image", "colour", "points", "tags", "day"]
    assert order["properties"]["day"] == {"type": "string", "format": "date"}
    assert schema["input"]["$defs"]["Colour"] == {"enum": ["RED", "GREEN"]}
    assert schema["accepts"] == ["application/json", "multipart/form-data"]
    assert schema["files"] == ["file"]
    assert schema["output"]["$defs"]["Answer"]["required"] == ["name", "sum", "order"]
    assert schema["returns"] == ["application/json"]


def test_every_wrong_place_is_named(start: Callable[..., RunnerProcess]) -> None:
    started = start("Typed.java:apply")
    ready(started)
    wrong = ORDER | {
        "count": 1.5,
        "image": [[1, "x"], 2],
        "colour": "BLUE",
        "points": [{"x": -1, "y": 2}, {"x": 2**31, "y": None}],
        "tags": {"a b": None},
        "day": "soon",
        "shape": {"radius": 1, "side": 2},
        "nam": 1,
    }
    del wrong["name"]
    assert problems(started, wrong) == {
        "input.name": "is missing",
        "input.count": "expected an integer, got number 1.5",
        "input.image[0][1]": 'expected a number, got string "x"',
        "input.image[1]": "expected an array, got integer 2",
        "input.colour": 'expected one of "RED", "GREEN", got string "BLUE"',
        "input.points[0]": "x is left of the picture",
        "input.points[1].x": f"{INT}, got integer 2147483648",
        "input.points[1].y": "expected a number, got null",
        'input.tags["a b"]': "expected an integer, got null",
        "input.day": 'expected a date such as "2026-01-31", got string "soon"',
        "input.shape.side": "there is no such field; known are radius",
        "input.nam": "there is no such field; did you mean name?",
    }
    assert problems(started, []) == {"input": "expected an object, got an array"}


def test_a_sealed_interface_is_one_of_its_records(start: Callable[..., RunnerProcess]) -> None:
    started = start("Typed.java:apply")
    ready(started)
    _, body = started.call(json.dumps(ORDER | {"shape": {"side": 2}}).encode())
    assert json.loads(body)["order"]["shape"] == {"side": 2.0}


def test_the_fields_of_a_form_are_read_as_their_types(start: Callable[..., RunnerProcess]) -> None:
    started = start("Typed.java:apply")
    ready(started)
    parts = {name: json.dumps(value).encode() for name, value in ORDER.items()}
    parts |= {"name": b"5", "colour": b"RED", "day": b"2026-01-31"}
    told = [
        {"path": [name], "content_type": "text/plain", "length": len(content), "filename": None}
        for name, content in parts.items()
    ]
    told.append({"path": ["file"], "content_type": "image/png", "length": 3, "filename": "a"})
    listed = json.dumps(told).encode()
    body = len(listed).to_bytes(4, "little") + listed + b"".join(parts.values()) + b"png"
    said, answer = started.call(body, kind="application/vnd.algo.parts")
    assert said["type"] == "result", said
    assert json.loads(answer)["order"] == ORDER | NOTHING | {"name": "5", "file": "cG5n"}


def test_a_batch_is_answered_one_by_one(start: Callable[..., RunnerProcess]) -> None:
    started = start("Batch.java:applyBatch")
    said = ready(started)
    assert said["batch"]
    assert said["schema"]["input"]["type"] == "integer"
    bodies = [b"1", b"13", b'"x"', b"2"]
    calls = [
        {"id": number, "content_type": "application/json", "length": len(body)}
        for number, body in enumerate(bodies, 1)
    ]
    started.write({"type": "batch", "calls": calls}, b"".join(bodies))
    answers = {said["id"]: (said, body) for said, body in (started.read() for _ in bodies)}
    assert (answers[1][1], answers[4][1]) == (b"3", b"6")
    assert answers[2][0]["message"] == "unlucky"
    assert answers[3][0]["code"] == "invalid_input"


def test_a_future_is_awaited_and_can_be_cancelled(start: Callable[..., RunnerProcess]) -> None:
    started = start("Later.java:apply")
    said = ready(started)
    assert said["cancels"]
    assert said["schema"]["output"] == {"type": "string"}
    assert started.call(b"0.05")[1] == b"done"
    started.write({"type": "call", "id": 9, "content_type": "application/json"}, b"60")
    started.write({"type": "cancel", "id": 9})
    assert started.read()[0]["type"] == "error"
    assert started.call(b"0")[1] == b"done"


def test_a_thread_that_a_call_leaves_interrupted_is_not_that_of_the_next(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start("Interrupted.java:apply")
    ready(started)
    for number, body in enumerate((b"false", b"true"), 1):
        started.write({"type": "call", "id": number, "content_type": "application/json"}, body)
    assert [started.read()[1] for _ in range(2)] == [b"slept", b"slept"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("Wrong.java:apply", "an input cannot be java.lang.Thread: take a record"),
        ("Wrong.java:one", "one takes an input, and what load returns if it likes, not 3"),
        ("Wrong.java:gone", "src/Wrong.java has no static method gone"),
    ],
)
def test_an_entry_of_another_form_is_told(
    start: Callable[..., RunnerProcess], entry: str, message: str
) -> None:
    said = start(entry).load()
    assert said["type"] == "load_error"
    assert message in said["message"]


def test_what_fails_when_the_class_is_made_has_its_line(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start("Wrong.java:two")
    said = started.load()
    assert said["type"] == "load_error"
    assert (said["error"], said["file"], said["line"]) == (
        "NumberFormatException",
        "src/Wrong.java",
        2,
    )


def test_what_the_compiler_says_has_the_authors_file(tmp_path: Path, built: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(built, app)
    (app / "src" / "Typed.java").write_text("public class Typed {\n    int x = text;\n}\n")
    done = JAVA.try_build(app, tmp_path / "packages", "src/Typed.java:apply")
    assert done.returncode == 1
    assert done.stderr.startswith("src/Typed.java:2: error: cannot find symbol")
    assert "hint: " not in done.stderr


def test_an_import_that_no_package_has_is_told_with_where_to_add_it(
    tmp_path: Path, built: Path
) -> None:
    app = tmp_path / "app"
    shutil.copytree(built, app)
    (app / "src" / "own").mkdir()
    (app / "src" / "own" / "Own.java").write_text("package own;\n\nclass Own {}\n")
    imports = "import own.absent.One;\nimport static org.acme.absent.Text.*;\n"
    (app / "src" / "Typed.java").write_text(f"{imports}public class Typed {{}}\n")
    done = JAVA.try_build(app, tmp_path / "packages", "src/Typed.java:apply")
    assert done.returncode == 1
    what = "add what has org.acme.absent.Text to the dependencies of pom.xml"
    assert done.stderr.splitlines()[-1] == f"hint: {what}, then: algo lock"


def test_an_id_may_be_used_again_as_soon_as_it_is_answered(
    start: Callable[..., RunnerProcess],
) -> None:
    started = start("Typed.java:apply")
    ready(started)
    for _ in range(300):
        assert started.call(b"[]")[0]["code"] == "invalid_input"


def test_a_release_that_this_java_does_not_know_is_told(tmp_path: Path, built: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(built, app)
    (app / "pom.xml").write_text("<maven.compiler.release>99</maven.compiler.release>\n")
    done = JAVA.try_build(app, tmp_path / "made", "src/Typed.java:apply")
    assert done.returncode == 1
    assert done.stderr.startswith("pom.xml:1: release version 99 not supported by Java")
