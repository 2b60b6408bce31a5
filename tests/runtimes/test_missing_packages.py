"""What the runners say of a package that the code wants and nobody asked for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from algo_gateway.calls.call import Failure
from algo_gateway.http import answers

from tests.machine.lacking import lacking
from tests.runtimes.conftest import RunnerProcess

FOLDER = Path("runtimes").resolve()


def said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.program("node")
@pytest.mark.parametrize(
    ("code", "package"),
    [
        ("import('lodash-algo')", "lodash-algo"),
        ("import('@acme/nothing/deep')", "@acme/nothing"),
        ("(async () => require('lodash-algo/fp'))()", "lodash-algo"),
        ("(async () => require('./mine'))()", ""),
        ("(async () => { throw new Error('Cannot find package \\'it\\'') })()", ""),
    ],
)
def test_javascript_names_the_package_to_add(code: str, package: str, tmp_path: Path) -> None:
    faults = FOLDER / "javascript" / "faults.js"
    told = f"(error) => console.log(require('{faults}').hint(error))"
    program = tmp_path / "program.cjs"
    program.write_text(f"{code}.catch({told})\n")
    command = f"add {package} to package.json (npm install --package-lock-only {package})"
    assert said(["node", str(program)]) == (f"{command}, then: algo lock" if package else "")


@pytest.mark.program("ruby")
@pytest.mark.parametrize(
    ("code", "gem"),
    [
        ('require "nokogiri-algo/xml"', "nokogiri-algo"),
        ('require_relative "mine"', ""),
        ('raise "no"', ""),
    ],
)
def test_ruby_names_the_gem_to_add(code: str, gem: str, tmp_path: Path) -> None:
    program = tmp_path / "program.rb"
    rescued = "rescue LoadError, StandardError => error\n  puts AlgoRunner::Faults.hint(error)"
    program.write_text(f"require ARGV[0]\nbegin\n  {code}\n{rescued}\nend\n")
    wanted = f'add gem "{gem}" to the Gemfile, then: algo lock' if gem else ""
    assert said(["ruby", str(program), str(FOLDER / "ruby" / "faults.rb")]) == wanted


@pytest.mark.program("Rscript")
@pytest.mark.parametrize(
    ("files", "code", "hint"),
    [
        ((), "library(absent.algo)", "add absent.algo to Imports in DESCRIPTION, then: algo lock"),
        (("packages.txt",), "absent::f()", "add absent to packages.txt, then: algo lock"),
        ((), 'stop("no package")', ""),
    ],
)
def test_r_names_the_package_to_add(
    files: tuple[str, ...], code: str, hint: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).touch()
    program = tmp_path / "program.R"
    faults = FOLDER / "r" / "faults.R"
    program.write_text(f'source("{faults}")\ntryCatch({code}, error = function(e) cat(hint(e)))\n')
    command = ["Rscript", "--vanilla", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == hint


@pytest.mark.program("go")
def test_go_names_the_module_to_get(tmp_path: Path) -> None:
    app, cache = tmp_path / "app", tmp_path / "cache"
    for folder in (app / "src", cache, tmp_path / "none", tmp_path / "program"):
        folder.mkdir(parents=True)
    (app / "go.mod").write_text("module example.com/suite\n\ngo 1.23\n")
    code = (
        'package suite\n\nimport _ "example.org/absent/mat"\n\nfunc Apply(n int) int { return n }\n'
    )
    (app / "src" / "suite.go").write_text(code)
    step = FOLDER / "go" / "workshop" / "step.sh"
    words = [app, "src/suite.go:apply", tmp_path / "none", tmp_path / "program"]
    command = ["sh", str(step), str(FOLDER / "go"), str(cache), "build", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "hint: add example.org/absent/mat to go.mod (go get example.org/absent/mat), "
        "then: algo lock"
    )


@pytest.mark.parametrize(
    ("command", "file", "code", "package"),
    [
        (
            "node javascript/run.js",
            "it.js",
            "export const apply = () => import('absent')",
            "absent",
        ),
        ("ruby ruby/run.rb", "it.rb", "def apply(input) = require('absent')", 'gem "absent"'),
        ("Rscript --vanilla r/run.R", "it.R", "apply <- function(input) absent::f()", "absent"),
    ],
)
def test_a_call_that_lacks_a_package_names_it_too(
    command: str, file: str, code: str, package: str, tmp_path: Path
) -> None:
    *program, runner = command.split()
    if shutil.which(program[0]) is None:
        lacking(f"there is no {program[0]} here")
    (tmp_path / file).write_text(f"{code}\n")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    started = RunnerProcess([*program, str(FOLDER / runner)], tmp_path, entrypoint=f"{file}:apply")
    try:
        assert started.load()["type"] == "ready"
        said, _ = started.call(b"1")
    finally:
        started.close()
    assert (said["code"], said["hint"].split(" to ")[0]) == ("exception", f"add {package}")


@pytest.mark.parametrize("development", [True, False])
def test_only_the_author_is_told_what_to_add(development: bool) -> None:
    for written in (answers.failure, answers.algorithmia_error):
        found = written(Failure(500, "exception", "no", hint="add it"), development=development)
        assert (b"add it" in (found if isinstance(found, bytes) else found[1])) is development
