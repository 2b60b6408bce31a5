"""Errors of JavaScript as its author sees them: of calls, and of tests that do not load."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from algo.contract.junit import read_junit

from tests.languages.language import ROOT
from tests.runtimes.conftest import RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.contract.report import Outcome

RUNTIME = ROOT / "runtimes" / "javascript"
pytestmark = pytest.mark.program("node")
OLD = """const Algorithmia = require('algorithmia')
const plain = { message: 'no such page', code: 404 }

exports.apply = (input, cb) => {
  if (input === 'throw') throw new Error('at once')
  if (input === 'late') return setTimeout(() => cb(new TypeError('later')), 1)
  if (input === 'object') return cb(plain)
  if (input === 'odd') return cb({ status: 7 })
  if (input === 'text') return cb('no')
  if (input === 'read') return require('fs').readFile('none.txt', (error, text) => cb(error, text))
  if (input === 'first') { cb(null, 1); throw new Error('after the answer') }
  Algorithmia.client('key', input).file('data://a/b').get().then((file) => cb(null, file), cb)
}
"""

OTHERS = """JSON.stringify = JSON.parse = () => 'none'
for (const name of ['Promise', 'Map', 'Set', 'Number', 'Buffer', 'TextDecoder', 'performance']) {
  globalThis[name] = null
}
exports.apply = (input) => {
  if (input === 'throw') throw new Error('at once')
  return input === 'later' ? (async () => [5])() : { input }
}
"""


def started(folder: Path, code: str, **hello: object) -> RunnerProcess:
    """Start the runner on a source."""
    (folder / "src").mkdir()
    (folder / "src" / "it.js").write_text(code)
    return RunnerProcess(
        ["node", f"{RUNTIME}/run.js"], folder, entrypoint="src/it.js:apply", **hello
    )


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """Algorithms that were written for Algorithmia."""
    runner = started(tmp_path_factory.mktemp("old"), OLD, written_for="algorithmia")
    assert runner.load()["type"] == "ready"
    yield runner
    runner.close()


@pytest.mark.parametrize(
    ("asked", "message", "trace"),
    [
        ("throw", "at once", ["Error: at once", "    at exports.apply (src/it.js:5:32)"]),
        ("late", "later", ["TypeError: later", "    at Timeout._onTimeout (src/it.js:6:52)"]),
        (
            "object",
            "no such page",
            [
                "Error: no such page",
                "    at exports.apply (src/it.js:7:34)",
                "Caused by: { message: 'no such page', code: 404 }",
            ],
        ),
        ("odd", "{ status: 7 }", ["Error: { status: 7 }", "    at exports.apply (src/it.js:8:31)"]),
        ("text", "no", ["Error: no", "    at exports.apply (src/it.js:9:32)"]),
        (
            "read",
            "ENOENT: no such file or directory, open 'none.txt'",
            [
                "Error: ENOENT: no such file or directory, open 'none.txt'",
                "    at ReadFileContext.callback (src/it.js:10:84)",
                "Caused by: Error: ENOENT: no such file or directory, open 'none.txt'",
            ],
        ),
        (
            "nonsense",
            "Invalid URL",
            ["TypeError: Invalid URL", "    at exports.apply (src/it.js:12:55)"],
        ),
    ],
)
def test_an_old_algorithm_has_the_authors_frames_alone(
    old: RunnerProcess, asked: str, message: str, trace: list[str]
) -> None:
    said, _ = old.call(f'"{asked}"'.encode())
    assert (said["type"], said["fault"], said["message"]) == ("error", "algorithm", message)
    assert said["stacktrace"].splitlines() == trace
    assert said["file"] == "src/it.js"


def test_what_an_old_algorithm_answered_first_counts(old: RunnerProcess) -> None:
    assert old.call(b'"first"')[0]["type"] == "result"


def test_a_cause_is_told_whatever_it_is_and_one_in_a_circle_ends(tmp_path: Path) -> None:
    code = """exports.apply = async (input) => {
  const error = new Error('no')
  error.cause = input === 1 ? error : { reason: 'none' }
  await Promise.all([1].map(async () => { throw error }))
}
"""
    runner = started(tmp_path, code)
    try:
        runner.load()
        said, _ = runner.call(b"2")
        assert runner.call(b"1")[0]["message"] == "no"
    finally:
        runner.close()
    assert "Caused by: { reason: 'none' }" in said["stacktrace"]
    assert (said["file"], said["line"]) == ("src/it.js", 2)


def test_a_slip_in_a_file_that_is_imported_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    runner = started(tmp_path, "import './below.js'\n\nexport const apply = () => 1\n")
    (tmp_path / "src" / "below.js").write_text("export const a = 1\nlet a b\n")
    try:
        said = runner.load()
    finally:
        runner.close()
    assert (said["type"], said["error"]) == ("load_error", "SyntaxError")
    assert (said["file"], said["line"]) == ("src/below.js", 2)


FILES = {
    "below.test.js": "import './below.js'\n",
    "below.js": "export const a = 1\nlet a b\n",
    "missing.test.js": "import '../src/none.js'\n",
    "thrown.test.js": "console.error('^ before')\nthrow new TypeError('at the top')\n",
    "fails.test.js": """import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
describe('all', () => {
  it('differs', () => assert.equal(1, 2))
  it('throws <&> \x07', () => { throw new RangeError('too far') })
  it.skip('waits', () => {})
})
""",
    "mocha.test.js": "it('is good', (done) => done())\n",
}
MORE = {
    "syntax.test.js": "import { test } from 'node:test'\nconst = 3\n",
    "package.test.js": "import 'left-pad'\n",
    "required.test.cjs": "require('../src/none.js')\n",
    "text.test.cjs": "throw 'a text'\n",
    "exits.test.cjs": "process.exit(3)\n",
}
MODULE = "Error [ERR_MODULE_NOT_FOUND]: Cannot find"
# What the message begins with, and what the details hold, of a file that is `{}`.
UNLOADED = {
    "below.test.js": ("SyntaxError: Identifier 'a' has", "tests/below.js:2\nlet a b"),
    "missing.test.js": (f"{MODULE} module 'src/none.js' imported from {{}}", ""),
    "thrown.test.js": ("TypeError: at the top", "at {}:2:7"),
    "syntax.test.js": ("SyntaxError: Unexpected token '='", "{}:2\nconst"),
    "package.test.js": (f"{MODULE} package 'left-pad' imported from {{}}", ""),
    "required.test.cjs": ("Error: Cannot find module '../src", "<anonymous> ({}:1:1)"),
    "text.test.cjs": ("a text", "{}:1\nthrow"),
    "exits.test.cjs": ("the file ended with exit code 3 before its tests did", ""),
}


def outcomes(app: Path, files: dict[str, str]) -> dict[str, Outcome]:
    """Run tests as `algo test` does; return what came of each, by file and name."""
    (app / "package.json").write_text('{"type": "module"}')
    (app / "tests").mkdir()
    for name, text in files.items():
        (app / "tests" / name).write_text(text)
    command = ["node", f"{RUNTIME}/workshop/test.js", str(app / "none"), str(app / "report.xml")]
    done = subprocess.run(command, cwd=app, capture_output=True, check=False)
    assert done.returncode == 1
    return {f"{one.group}: {one.name}": one for one in read_junit(app / "report.xml")}


@pytest.mark.parametrize("files", [FILES, pytest.param(MORE, marks=pytest.mark.slow)])
def test_why_a_file_of_tests_did_not_load_is_told(tmp_path: Path, files: dict[str, str]) -> None:
    found = outcomes(tmp_path, files)
    for file in files.keys() & UNLOADED.keys():
        message, details = (text.format(f"tests/{file}") for text in UNLOADED[file])
        outcome = found.pop(f"tests/{file}: all of it")
        assert outcome.result == "failed"
        assert outcome.message.startswith(message)
        assert details in outcome.details
        for foreign in ("node:", "code:", str(RUNTIME), "Node.js v"):
            assert foreign not in outcome.details
    if files is FILES:
        check_failures(found)


def check_failures(found: dict[str, Outcome]) -> None:
    """Tests are told by their files, without the frames of Node.js."""
    assert {name: one.result for name, one in found.items()} == {
        "tests/fails.test.js: differs": "failed",
        "tests/fails.test.js: throws <&> \ufffd": "failed",
        "tests/fails.test.js: waits": "skipped",
        "tests/mocha.test.js: is good": "passed",
    }
    differs, throws, *_ = found.values()
    assert differs.message == "Expected values to be strictly equal: 1 !== 2"
    place = "(tests/fails.test.js:4:30)"
    assert differs.details.splitlines()[-1] == f"    at TestContext.<anonymous> {place}"
    assert throws.message == "RangeError: too far"


MOCHA = """describe('words', function () {
  this.timeout(2000)
  before(() => {})
  it('are told', (done) => done())
  it('are not', () => Promise.reject(new Error('no')))
  it('wait')
})
"""


def test_tests_of_mocha_are_told_by_their_file(tmp_path: Path) -> None:
    found = outcomes(tmp_path, {"words.test.js": MOCHA, "more.test.js": "it('is one', () => {})\n"})
    results = {name: one.result for name, one in found.items()}
    assert results == {
        "tests/words.test.js: are told": "passed",
        "tests/words.test.js: are not": "failed",
        "tests/words.test.js: wait": "passed",
        "tests/more.test.js: is one": "passed",
    }
    assert "tests/words.test.js:5" in found["tests/words.test.js: are not"].details
    assert "mocha.js" not in str(found)


def test_what_the_code_puts_in_the_place_of_what_is_built_in_is_its_own_matter(
    tmp_path: Path,
) -> None:
    runner = started(tmp_path, OTHERS)
    try:
        assert runner.load()["type"] == "ready"
        assert runner.call(b"9007199254740993")[1] == b'{"input":9007199254740993}'
        assert runner.call(b'"later"')[1] == b"[5]"
        assert runner.call(b'"throw"')[0]["message"] == "at once"
        assert runner.call(b"{")[0]["code"] == "malformed_json"
    finally:
        runner.close()


def test_a_module_is_named_by_its_file_where_its_address_has_other_characters(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a é %41#日"
    (folder / "src").mkdir(parents=True)
    code = "export const apply = () => {\n  throw new Error('here')\n}\n"
    (folder / "src" / "it.mjs").write_text(code)
    command = ["node", f"{RUNTIME}/run.js"]
    runner = RunnerProcess(command, folder, entrypoint="src/it.mjs:apply")
    try:
        assert runner.load()["type"] == "ready"
        said, _ = runner.call(b"1")
    finally:
        runner.close()
    assert (said["file"], said["line"]) == ("src/it.mjs", 2)
    assert said["stacktrace"].splitlines() == ["Error: here", "    at apply (src/it.mjs:2:9)"]
