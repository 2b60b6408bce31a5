"""What Rust's types say to a caller, and what else its runner and builder know."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.languages.language import ROOT, Language
from tests.machine.lacking import lacking
from tests.runtimes.conftest import GatewayProcess, RunnerProcess

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.runtimes.conftest import Header

pytestmark = pytest.mark.slow
RUST = Language("rust", ROOT / "runtimes" / "rust", ROOT / "tests" / "languages" / "types" / "rust")
ORDER: dict[str, Any] = {
    "name": "one",
    "count": 2**53 + 1,
    "image": [[1, 2.5], [3, 4]],
    "colour": "Red",
    "tags": {"a": 1},
}
NOTHING = {"note": None, "file": None}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crate of all entries."""
    if RUST.lacking:
        lacking(f"{RUST.lacking} is not installed")
    app = tmp_path_factory.mktemp("types") / "app"
    shutil.copytree(RUST.program, app)
    return app


@pytest.fixture(scope="module")
def built(app: Path) -> Callable[[str], Path]:
    """Compile an entry once; return the folder of what was made."""

    def make(entry: str) -> Path:
        made = app.parent / entry.partition(".")[0]
        if not made.exists():
            RUST.build(app, made, f"src/{entry}")
        return made

    return make


@pytest.fixture
def start(built: Callable[[str], Path], app: Path) -> Iterator[Callable[[str], RunnerProcess]]:
    """Start the runner on one of the entries."""
    started: list[RunnerProcess] = []

    def run(entry: str) -> RunnerProcess:
        command = RUST.command(built(entry))
        started.append(RunnerProcess(command, app, entrypoint=f"src/{entry}"))
        return started[-1]

    yield run
    for one in started:
        one.close()


def rebuilt(
    tmp_path: Path, app: Path, built: Callable[[str], Path], text: str
) -> subprocess.CompletedProcess[str]:
    """Try to build the app once more, with another text in place of its typed entry."""
    copy = tmp_path / "app"
    shutil.copytree(app, copy)
    (copy / "src" / "typed.rs").write_text(text)
    made = tmp_path / "made"
    shutil.copytree(built("typed.rs:total"), made)
    return RUST.try_build(copy, made, "src/typed.rs:total")


def ready(started: RunnerProcess) -> Header:
    said = started.load()
    assert said["type"] == "ready", said
    return said


def test_a_struct_is_read_and_written(start: Callable[[str], RunnerProcess]) -> None:
    started = start("typed.rs:total")
    ready(started)
    said, body = started.call(json.dumps(ORDER).encode())
    assert said["type"] == "result", said
    assert json.loads(body) == {"sum": 10.5, "order": ORDER | NOTHING}


def test_types_that_know_schemars_are_told_as_json_schema(
    start: Callable[[str], RunnerProcess],
) -> None:
    schema = ready(start("typed.rs:total"))["schema"]
    order = schema["input"]
    assert order["required"] == ["name", "count", "image", "colour"]
    assert order["properties"]["name"] == {"type": "string", "description": "Who asks."}
    assert order["$defs"]["Colour"] == {"type": "string", "enum": ["Red", "Green"]}
    assert schema["accepts"] == ["application/json"]
    assert schema["output"]["required"] == ["sum", "order"]


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"count": 1.5}, "input.count", "expected an integer, got number 1.5"),
        ({"image": [[1, "x"]]}, "input.image[0][1]", 'expected a number, got string "x"'),
        ({"tags": {"a": None}}, "input.tags.a", "expected an integer, got null"),
        ({"nam": 1}, "input.nam", "there is no such field; known are name, count"),
        ({"colour": "Blue"}, "input.colour", 'expected "Red" or "Green", got string "Blue"'),
    ],
)
def test_a_wrong_place_is_named(
    start: Callable[[str], RunnerProcess], wrong: dict[str, object], path: str, message: str
) -> None:
    started = start("typed.rs:total")
    ready(started)
    said, _ = started.call(json.dumps(ORDER | wrong).encode())
    assert (said["type"], said["fault"], said["code"]) == ("error", "input", "invalid_input")
    (problem,) = said["problems"]
    assert problem["path"] == path
    assert problem["message"].startswith(message)


def test_a_field_that_is_absent_is_named(start: Callable[[str], RunnerProcess]) -> None:
    started = start("typed.rs:total")
    ready(started)
    said, _ = started.call(b'{"name": "one"}')
    assert said["problems"] == [{"path": "input.count", "message": "is missing"}]


def test_the_fields_of_a_form_are_read_as_their_types(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start("typed.rs:total")
    ready(started)
    parts = {name: json.dumps(value).encode() for name, value in ORDER.items()}
    parts |= {"name": b"5", "colour": b"Red"}
    told = [
        {"path": [name], "content_type": "text/plain", "length": len(content), "filename": None}
        for name, content in parts.items()
    ]
    told.append({"path": ["file"], "content_type": "image/png", "length": 3, "filename": "a"})
    listed = json.dumps(told).encode()
    body = len(listed).to_bytes(4, "little") + listed + b"".join(parts.values()) + b"png"
    said, answer = started.call(body, kind="application/vnd.algo.parts")
    assert said["type"] == "result", said
    assert json.loads(answer)["order"] == ORDER | NOTHING | {"name": "5", "file": list(b"png")}


def test_a_panic_has_the_authors_line(start: Callable[[str], RunnerProcess]) -> None:
    started = start("typed.rs:total")
    ready(started)
    said, _ = started.call(json.dumps(ORDER | {"name": "panic"}).encode())
    assert (said["fault"], said["code"], said["error"]) == ("algorithm", "exception", "panic")
    assert said["message"] == "index out of bounds: the len is 2 but the index is 7"
    source = (RUST.program / "src" / "typed.rs").read_text().splitlines()
    line = 1 + next(at for at, text in enumerate(source) if "row[7]" in text)
    assert (said["file"], said["line"]) == ("src/typed.rs", line)
    assert f"src/typed.rs:{line}" in said["stacktrace"]
    assert "algo_runner" not in said["stacktrace"]
    assert started.call(json.dumps(ORDER).encode())[0]["type"] == "result"


def test_an_error_that_is_returned_has_the_line_of_its_function(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start("typed.rs:total")
    ready(started)
    said, _ = started.call(json.dumps(ORDER | {"name": "refused"}).encode())
    source = (RUST.program / "src" / "typed.rs").read_text().splitlines()
    line = 1 + next(at for at, text in enumerate(source) if "pub fn total(" in text)
    assert (said["file"], said["line"]) == ("src/typed.rs", line)
    assert f"returned by src/typed.rs:{line}" in said["stacktrace"]


def test_a_batch_is_answered_one_by_one(start: Callable[[str], RunnerProcess]) -> None:
    started = start("batch.rs:apply_batch")
    said = ready(started)
    assert said["batch"]
    assert said["schema"]["input"]["type"] == "integer"
    bodies = [b"1", b"1300", b'"x"', b"2"]
    calls = [
        {"id": number, "content_type": "application/json", "length": len(body)}
        for number, body in enumerate(bodies, 1)
    ]
    started.write({"type": "batch", "calls": calls}, b"".join(bodies))
    answers = {said["id"]: (said, body) for said, body in (started.read() for _ in bodies)}
    assert (answers[1][1], answers[4][1]) == (b"3", b"6")
    assert answers[2][0]["message"].startswith("out of range integral type conversion")
    assert answers[3][0]["code"] == "invalid_input"


def test_a_call_that_asks_is_told_that_nobody_waits(start: Callable[[str], RunnerProcess]) -> None:
    started = start("later.rs:apply")
    said = ready(started)
    assert said["cancels"]
    assert said["schema"]["output"] == {"type": "string"}
    assert started.call(b"0.05")[1] == b"done"
    started.write({"type": "call", "id": 9, "content_type": "application/json"}, b"60")
    started.write({"type": "cancel", "id": 9})
    assert started.read()[0]["type"] == "error"
    assert started.call(b"0")[1] == b"done"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pub fn total(x: Text) -> Result<(), String> {\n    Ok(())\n}\n", "--> src/typed.rs:1:17"),
        (
            "\nfn total(x: i64) -> Result<i64, String> {\n    Ok(x)\n}\n",
            "src/typed.rs:2: `total` is not public\nhint: write `pub fn total`\n",
        ),
        (
            "use absent::Text;\npub fn total(x: i64) -> i64 {\n    x\n}\n",
            "\nhint: add absent to the dependencies of Cargo.toml (cargo add absent), then: algo",
        ),
    ],
)
def test_what_the_compiler_says_has_the_authors_file(
    tmp_path: Path, app: Path, built: Callable[[str], Path], text: str, expected: str
) -> None:
    done = rebuilt(tmp_path, app, built, text)
    assert done.returncode == 1
    assert expected in done.stderr
    assert str(tmp_path / "app") not in done.stderr


@pytest.mark.parametrize(
    ("text", "first", "hint"),
    [
        (
            "use std::fs;\n\npub fn total(x: i64) -> i64 {\n    x\n}\n",
            "src/typed.rs:3: `total` has no form that is called: it is fn(i64) -> i64",
            "return a Result: `Result<i64, String>`, and `Ok(…)` in it",
        ),
        (
            "pub struct In;\npub fn total(_: In) -> Result<i64, String> {\n    Ok(1)\n}\n",
            "src/typed.rs:2: `total` has no form that is called: it is fn(In) -> "
            "Result<i64, String>",
            "see that In is serde::Deserialize, i64 serde::Serialize and String an error",
        ),
        (
            "pub fn load() -> Result<i64, String> {\n    Ok(1)\n}\n"
            "pub fn total(x: i64, _: &String) -> Result<i64, String> {\n    Ok(x)\n}\n",
            "src/typed.rs:1: `load` makes another state than String: "
            "it is fn() -> Result<i64, String>",
            "let `load` return `Result<String, E>`, or take a reference to what it returns",
        ),
    ],
)
def test_a_function_of_another_form_is_told_first_with_the_forms_there_are(
    tmp_path: Path, app: Path, built: Callable[[str], Path], text: str, first: str, hint: str
) -> None:
    lines = rebuilt(tmp_path, app, built, text).stderr.splitlines()
    assert (lines[0], lines[-1]) == (first, f"hint: {hint}")
    assert [line for line in lines[1:-1] if not line.startswith(("    pub fn ", "    T: "))] == []
    assert len(lines) > 3


def test_a_crate_without_the_function_is_told_what_to_write(
    tmp_path: Path, app: Path, built: Callable[[str], Path]
) -> None:
    copy = tmp_path / "app"
    shutil.copytree(app, copy)
    (copy / "src" / "typed.rs").write_text("pub fn aply(x: i64) -> i64 {\n    x\n}\n")
    made = tmp_path / "made"
    shutil.copytree(built("typed.rs:total"), made)
    lines = RUST.try_build(copy, made, "src/typed.rs:apply").stderr.splitlines()
    assert lines[0] == "src/typed.rs:1: there is no function `apply`"
    assert lines[1] == "    pub fn apply(input: T) -> Result<R, E>"
    assert lines[-1] == "hint: write `pub fn apply(input: T) -> Result<R, E>`"


def test_an_error_is_told_without_the_warnings(
    tmp_path: Path, app: Path, built: Callable[[str], Path]
) -> None:
    copy = tmp_path / "app"
    shutil.copytree(app, copy)
    # A warning of the library; then the main, which calls no such function, does not compile.
    text = "use std::fs;\npub fn other(x: i64) -> Result<i64, String> {\n    Ok(x)\n}\n"
    (copy / "src" / "typed.rs").write_text(text)
    made = tmp_path / "made"
    shutil.copytree(built("typed.rs:total"), made)
    done = RUST.try_build(copy, made, "src/typed.rs:total")
    assert done.returncode == 1
    assert "warning" not in done.stderr
    assert "src/typed.rs" in done.stderr


def test_what_a_thread_panics_with_is_in_the_log_by_the_authors_frames(
    start: Callable[[str], RunnerProcess],
) -> None:
    started = start("threads.rs:apply")
    ready(started)
    started.write({"type": "call", "id": 7, "content_type": "text/plain"}, b"mine")
    said, body = started.read(logs=True)
    assert (said["type"], said["stream"]) == ("log", "stderr")
    first, *rest = body.decode().splitlines()
    assert first == "thread 'mine': panic: 7 is too large"
    assert rest[:2] == ["  fails", "    src/threads.rs:6"]
    assert "/rustc/" not in body.decode()
    assert started.read()[1] == b"false"


@pytest.mark.parametrize("function", ["apply", "load"])
def test_a_recursion_without_an_end_is_told_with_the_function_that_was_called(
    app: Path, built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    if function == "load":
        monkeypatch.setenv("DEEP_LOAD", "1")
    source = (RUST.program / "src" / "deep.rs").read_text().splitlines()
    line = 1 + next(at for at, text in enumerate(source) if f"pub fn {function}(" in text)
    gateway = GatewayProcess(
        app,
        "--development",
        *("--program", str(built("deep.rs:apply") / "program")),
        language=RUST.name,
        runtime=RUST.runtime,
        entrypoint="src/deep.rs:apply",
    )
    try:
        if function == "apply":
            assert gateway.post(1).code == "worker_died"
    finally:
        gateway.stop()
    told = [text for text in gateway.printed if text.endswith("has overflowed its stack")]
    assert [f"{function} in src/deep.rs:{line}'" in text for text in told] == [True], told


def test_a_function_that_calls_itself_is_told_once(start: Callable[[str], RunnerProcess]) -> None:
    started = start("deep.rs:apply")
    ready(started)
    head, *told = started.call(b"300")[0]["stacktrace"].splitlines()
    assert head == "panic: deep enough"
    assert [line for line in told if "down" in line][:1] == [told[0]]
    assert [line for line in told if line.startswith("  ... ")] == ["  ... 299 more like it"]
    assert len(told) < 10


def test_a_stream_that_the_code_closes_costs_nothing(start: Callable[[str], RunnerProcess]) -> None:
    started = start("closes.rs:apply")
    ready(started)
    assert started.call(b"1")[1] == b"1"
    before = cpu_time(started)
    time.sleep(1)
    assert cpu_time(started) - before < 0.2
    assert started.call(b"2")[1] == b"2"


def cpu_time(started: RunnerProcess) -> float:
    """Return the seconds that a runner has used a processor."""
    fields = Path(f"/proc/{started.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
