"""What TypeScript's build makes of types, and what the runner does with it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.languages.language import languages
from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.languages.language import Language

ORDER = """
/** One line of an order. */
export interface Line {
  /**
   * How many.
   * @integer
   * @minimum 1
   */
  count: number
  size?: 'small' | 'large'
  tags: string[]
}
export interface Order {
  lines: Line[]
  at: Date
  weights: Float32Array
  label: Uint8Array
  prices: Record<string, number>
  parts: [string, number]
  parent: Order | null
}
"""
GOOD = {
    **{"lines": [], "at": "2026-01-31T12:00:00Z", "weights": [0.5, 1], "label": "AAEC"},
    **{"prices": {"a": 1}, "parts": ["x", 1], "parent": None},
}


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> tuple[Language, Path]:
    """The language, and a folder with its compiler."""
    (found,) = [one for one in languages() if one.name == "typescript"]
    if found.lacking:
        reason = f"{found.lacking} is not installed: python3 -m tests.machine setup"
        lacking(reason)
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(found.program, folder / "app")
    found.build(folder / "app", folder / "made")
    return found, folder / "made" / "packages"


class Project:
    """A project of one file or more, compiled again and again."""

    def __init__(self, language: Language, packages: Path, folder: Path) -> None:
        self.language, self.app, self.made = language, folder / "app", folder / "made"
        (self.app / "src").mkdir(parents=True)
        self.made.mkdir()
        (self.made / "packages").symlink_to(packages)
        self.started: list[RunnerProcess] = []

    def write(self, code: str, name: str = "src/it.ts") -> None:
        (self.app / name).write_text(code)

    def build(self) -> CompletedProcess[str]:
        shutil.rmtree(self.made / "program", ignore_errors=True)
        return self.language.try_build(self.app, self.made, "src/it.ts:apply")

    def schema(self) -> dict[str, Any]:
        done = self.build()
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads((self.made / "program" / "algo.schema.json").read_text())
        return found

    def run(self) -> RunnerProcess:
        command = self.language.command(self.made)
        self.started.append(RunnerProcess(command, self.app, entrypoint="src/it.ts:apply"))
        assert self.started[-1].load()["type"] == "ready"
        return self.started[-1]


@pytest.fixture
def project(typescript: tuple[Language, Path], tmp_path: Path) -> Iterator[Project]:
    made = Project(*typescript, tmp_path)
    yield made
    for one in made.started:
        one.close()


def test_types_are_the_schema(project: Project) -> None:
    project.write(ORDER + "export const apply = (order: Order): number => order.lines.length\n")
    schema = project.schema()
    defs = schema["input"]["$defs"]
    assert schema["input"]["$ref"] == "#/$defs/Order"
    assert (schema["output"], schema["files"]) == ({"type": "number"}, ["label"])
    assert schema["accepts"] == ["application/json", "multipart/form-data"]
    assert defs["Line"] == {
        "description": "One line of an order.",
        "type": "object",
        "properties": {
            "count": {"type": "integer", "description": "How many.", "minimum": 1},
            "size": {"type": "string", "enum": ["small", "large"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["count", "tags"],
    }
    fields = defs["Order"]["properties"]
    assert fields["parent"] == {"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}]}
    assert fields["prices"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert fields["label"] == {"type": "string", "contentEncoding": "base64"}
    assert defs["Order"]["required"] == [*GOOD]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("returned", "schema"),
    [
        ("Promise<boolean>", {"output": {"type": "boolean"}}),
        ("Generator<string>", {"output": {"type": "string"}, "streams": True}),
        ("AsyncGenerator<1 | 2>", {"output": {"type": "number", "enum": [1, 2]}, "streams": True}),
        ("unknown", {}),
        ("void", {"output": {"type": "null"}}),
    ],
)
def test_what_is_returned_is_told(
    project: Project, returned: str, schema: dict[str, object]
) -> None:
    project.write(f"export function apply(): {returned} {{ throw new Error('no') }}\n")
    assert project.schema() == schema


@pytest.mark.slow
def test_a_batch_is_described_by_one_of_its_calls(project: Project) -> None:
    project.write("export function applyBatch(all: { x: number }[]): string[] { return [] }\n")
    schema = project.schema()
    assert schema["input"]["properties"] == {"x": {"type": "number"}}
    assert schema["output"] == {"type": "string"}


def test_every_wrong_place_of_an_input_is_named(project: Project) -> None:
    project.write(ORDER + "export const apply = (order: Order) => order.lines.length\n")
    project.schema()
    wrong = {
        "lines": [{"count": 0, "size": "huge", "tags": ["a", 2]}, {"count": 1.5}, 7],
        **{"at": "soon", "weights": [0, "x"], "label": "?", "prices": {"a b": None}},
        **{"parts": ["x"], "parent": {}},
    }
    header, _ = project.run().call(json.dumps(wrong).encode())
    assert (header["fault"], header["code"]) == ("input", "invalid_input")
    assert [f"{one['path']}: {one['message']}" for one in header["problems"]] == [
        "input.lines[0].count: expected at least 1, got integer 0",
        'input.lines[0].size: expected one of "small", "large", got string "huge"',
        "input.lines[0].tags[1]: expected a string, got integer 2",
        "input.lines[1].tags: is missing",
        "input.lines[1].count: expected an integer, got number 1.5",
        "input.lines[2]: expected an object, got integer 7",
        'input.at: expected a date and time, got string "soon"',
        'input.weights[1]: expected a number, got string "x"',
        'input.label: expected a file, or a string in base64, got string "?"',
        'input.prices["a b"]: expected a number, got null',
        "input.parts: expected at least 2 items, got 1",
        *(f"input.parent.{name}: is missing" for name in GOOD),
    ]


@pytest.mark.slow
def test_the_code_gets_what_its_types_say(project: Project) -> None:
    tell = """
    export const apply = (order: Order) => [
      order.at.getTime(), order.weights.constructor.name, order.label.length,
      order.parent?.at instanceof Date,
    ]
    """
    project.write(ORDER + tell)
    project.schema()
    _, body = project.run().call(json.dumps({**GOOD, "parent": GOOD}).encode())
    assert json.loads(body) == [1769860800000, "Float32Array", 3, True]


def test_an_error_of_a_type_is_told_with_its_place(project: Project) -> None:
    project.write("export const apply = (x: number): string =>\n  x\n")
    done = project.build()
    assert done.returncode == 1
    assert "src/it.ts:2:3: error TS2322: Type 'number' is not assignable" in done.stderr
    project.write("export const other = 1\n")
    assert "src/it.ts:1: it exports no function apply" in project.build().stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "package", "option"),
    [
        ("absent-algo/deep", "absent-algo", ""),
        ("untyped", "@types/untyped", "--save-dev "),
        ("@acme/untyped", "@types/acme__untyped", "--save-dev "),
    ],
)
def test_a_package_or_types_that_are_missing_are_told_with_how_to_add_them(
    project: Project, module: str, package: str, option: str
) -> None:
    project.write(f"import it from '{module}'\nexport const apply = () => it\n")
    if option:
        place = project.app / "node_modules" / module
        place.mkdir(parents=True)
        (place / "index.js").write_text("module.exports = 1\n")
    done = project.build()
    assert done.returncode == 1
    command = f"npm install --package-lock-only {option}{package}"
    assert done.stderr.splitlines()[-1] == (
        f"hint: add {package} to package.json ({command}), then: algo lock"
    )


@pytest.mark.slow
def test_a_name_that_is_no_package_has_no_hint(project: Project) -> None:
    project.write("import it from './other.ts'\nexport const apply = () => it\n")
    assert "hint: " not in project.build().stderr


def test_a_slip_of_the_pen_is_told_without_the_types_that_it_breaks(project: Project) -> None:
    project.write("export const apply = ({ a = b: string): string =>\n  a\n")
    said = project.build().stderr
    assert "error TS1005" in said
    assert "error TS2" not in said


@pytest.mark.slow
def test_what_was_taken_away_is_not_in_the_program_any_more(project: Project) -> None:
    project.write("export const two = 2\n", "src/two.ts")
    project.write("import { two } from './two.ts'\nexport const apply = () => two\n")
    project.schema()
    assert project.run().call(b"1")[1] == b"2"
    (project.app / "src" / "two.ts").unlink()
    assert "src/it.ts:1:21: error TS2307" in project.build().stderr
    project.write("export const apply = () => 3\n")
    project.schema()
    assert not (project.made / "program" / "src" / "two.js").exists()
    assert project.run().call(b"1")[1] == b"3"


@pytest.mark.slow
def test_files_are_found_beside_the_code(project: Project) -> None:
    project.write("hello", "src/word.txt")
    project.write(
        "import fs from 'node:fs'\nimport path from 'node:path'\n"
        "export const apply = () => fs.readFileSync(path.join(__dirname, 'word.txt'), 'utf8')\n"
    )
    project.schema()
    assert project.run().call(b"1")[1] == b"hello"


def test_what_a_timer_throws_is_told_by_the_authors_lines(project: Project) -> None:
    project.write(
        "export const apply = (_: number): Promise<number> => {\n"
        "  setTimeout(() => {\n"
        "    throw new Error('too late')\n"
        "  }, 1)\n"
        "  return new Promise(() => {})\n"
        "}\n"
    )
    project.schema()
    runner = project.run()
    runner.write({"type": "call", "id": 7, "content_type": "application/json"}, b"1")
    said = []
    with pytest.raises(EOFError):
        while True:
            said.append(runner.read(logs=True)[1].decode())
    told = "\n".join(said)
    assert "uncaught Error: too late" in told
    assert "src/it.ts:3:11" in told
    assert str(project.made) not in told
    assert runner.exit_code() == 1
