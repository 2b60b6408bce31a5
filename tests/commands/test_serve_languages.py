"""`algo serve` and `algo test` of projects in other languages than Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from algo.commands.shared.toolbox import toolbox
from algo.deps import Deps
from algo.output import Output
from algo.project.project import Project

from tests.e2e.served import Served
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

ALGO = [sys.executable, "-c", "from algo.main import main; main()"]
MANIFEST = """
[algorithm]
name = "acme/p"
language = "{language}"
entrypoint = "src/p.{suffix}:apply"
"""
NODE = """
const number = require('./number')

exports.apply = (value) => [number, value, {more}]
"""


@pytest.fixture(params=["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def where(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("engine")  # packages are resolved in a container
    return str(request.param)


def project(root: Path, language: str, suffix: str, files: dict[str, str]) -> Path:
    files["algo.toml"] = MANIFEST.format(language=language, suffix=suffix)
    for name, text in files.items():
        path = root / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "p"


def serving(folder: Path, engine: str) -> Served:
    return Served.start([*ALGO, "serve", "--engine", engine], folder)


def ask(served: Served) -> Any:
    request = urllib.request.Request(served.url, b"1", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


@pytest.mark.slow
@pytest.mark.usefixtures("algo_home")
def test_code_and_packages_of_javascript_come_in_while_the_old_ones_serve(
    where: str, tmp_path: Path
) -> None:
    files = {
        "package.json": '{"private": true}',
        "src/number.js": "module.exports = 1\n",
        "src/p.js": NODE.format(more="0"),
    }
    folder = project(tmp_path, "javascript", "js", files)
    with serving(folder, where) as served:
        assert ask(served) == [1, 1, 0]
        (folder / "src" / "number.js").write_text("module.exports = 2\n")
        served.wait_for_reloads(1)
        assert ask(served) == [2, 1, 0]
        (folder / "src" / "p.js").write_text("exports.apply = (\n")
        served.wait_for("error", 1)
        (error,) = served.of("error")
        assert (error["file"], error["trigger"]) == ("src/p.js", "src/p.js")
        assert ask(served) == [2, 1, 0]
        (folder / "package.json").write_text('{"private": true, "dependencies": {"ms": "2.1.2"}}')
        (folder / "src" / "p.js").write_text(NODE.format(more="require('ms')('1s')"))
        served.wait(lambda: served.of("reload")[-1]["rung"] == "environment", 90)
        reload = served.of("reload")[-1]
        assert (reload["rung"], reload["packages"]) == ("environment", 1)
        assert ask(served) == [2, 1, 1000]
        assert 'name = "ms"' in (folder / "algo.lock").read_text()
        (folder / "package.json").write_text('{"private": true, "dependencies": {"ms": "0.0.0"}}')
        served.wait_for("error", len(served.of("error")) + 1, timeout=60)
        assert "package.json cannot be met" in served.of("error")[-1]["message"]
        assert ask(served) == [2, 1, 1000]
        assert served.stop() == 0, (served.events, served.story)


GO = """package p

func Apply(value float64) ([]float64, error) {{
	return []float64{{value, {number}}}, nil
}}
"""


@pytest.mark.usefixtures("algo_home")
def test_a_compiled_language_is_compiled_while_the_old_program_serves(tmp_path: Path) -> None:
    if shutil.which("go") is None:
        lacking("go is not installed")
    files = {"go.mod": "module example.com/p\n\ngo 1.23\n", "src/p.go": GO.format(number=1)}
    folder = project(tmp_path, "go", "go", files)
    with serving(folder, "virtualenv") as served:
        assert ask(served) == [1, 1]
        (folder / "src" / "p.go").write_text(GO.format(number='"two"'))
        served.wait_for("error", 1, timeout=60)
        (error,) = served.of("error")
        assert (error["file"], error["line"]) == ("src/p.go", 4)
        assert "cannot use" in error["details"]
        assert ask(served) == [1, 1]
        (folder / "src" / "p.go").write_text(GO.format(number=3))
        served.wait_for_reloads(1, timeout=60)
        assert served.of("reload")[0]["rung"] == "program"
        assert ask(served) == [1, 3]
        assert served.stop() == 0, (served.events, served.story)
    assert len(served.of("error")) == 1


@pytest.mark.usefixtures("algo_home")
def test_a_lock_that_algo_wrote_is_no_change_of_a_compiled_project(tmp_path: Path) -> None:
    files = {"package.json": '{"private": true}', "src/p.ts": "export const apply = () => 1\n"}
    folder = project(tmp_path, "typescript", "ts", files)
    opened = Project.open(folder)
    box = toolbox(Deps.for_process(Output.for_process(json=True)), opened)
    before = box.said(opened)
    (folder / "package-lock.json").write_text("{}")
    assert box.said(opened) == before
    (folder / "src" / "p.ts").write_text("export const apply = () => 2\n")
    assert box.said(opened) != before


DEVELOPED = """
const assert = require('node:assert')
const { test } = require('node:test')
const { apply } = require('../src/p')

test('both kinds of packages are there', () => assert.ok(require('is-odd')(apply(1))))
"""


@pytest.mark.usefixtures("algo_home", "engine")
def test_tests_of_javascript_see_what_is_not_shipped(tmp_path: Path) -> None:
    files = {
        "package.json": '{"dependencies": {"ms": "2.1.2"}, "devDependencies": {"is-odd": "3.0.1"}}',
        "src/p.js": "exports.apply = (value) => require('ms')(`${value}s`) + 1\n",
        "tests/p.test.js": DEVELOPED,
    }
    folder = project(tmp_path, "javascript", "js", files)
    command = [*ALGO, "test", "--engine", "virtualenv", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["passed"] == 1
    assert "is-odd" not in (folder / "algo.lock").read_text()
