"""Each template becomes exactly these files, and what they hold is real."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest
from algo.app import VERBS
from algo.contract.cases import first_input, read_cases
from algo.project.project import Project
from algo.resources import data_folder
from algo.scaffold.scaffold import Scaffolded, scaffold
from algo.scaffold.templates import template_names

if TYPE_CHECKING:
    from pathlib import Path

COMMON = {
    ".algoignore",
    ".github/workflows/algo.yml",
    ".gitignore",
    "README.md",
    "algo.toml",
    "pytest.ini",
    "requirements-test.in",
    "requirements.in",
    "src/hand_digits.py",
    "tests/test_hand_digits.py",
}
FILES = {
    "python/minimal": COMMON | {"cases/greeting.json"},
    "python/sklearn": COMMON
    | {"train.py", "cases/accuracy.json", "cases/digits.json", "cases/wrong_images.json"},
}
FILES["python/onnx"] = FILES["python/sklearn"]
FILES["python/streaming"] = COMMON | {
    *("train.py", "data/sonnets.txt", "cases/texts.json", "cases/wrong_prompts.json"),
}
FILES["python/pytorch"] = FILES["python/sklearn"] | {"src/network.py"}
PYTHON = list(FILES)
# What the templates of every other language have, and each of them besides.
EVERY = {
    *(".algoignore", ".github/workflows/algo.yml", ".gitignore", "README.md", "algo.toml"),
}
FILES["javascript/minimal"] = EVERY | {
    *("package.json", "cases/greeting.json", "src/hand_digits.js", "tests/hand_digits.test.js"),
}
FILES["rust/minimal"] = EVERY | {
    *("Cargo.toml", "cases/greeting.json", "src/hand_digits.rs", "tests/hand_digits.rs"),
}
FILES["go/minimal"] = EVERY | {
    *("go.mod", "cases/greeting.json", "src/hand_digits.go", "src/hand_digits_test.go"),
}
for language in ("java", "scala"):
    code, tests = f"src/main/{language}/hand_digits", f"src/test/{language}/hand_digits"
    FILES[f"{language}/minimal"] = EVERY | {
        *("pom.xml", "cases/greeting.json"),
        *(f"{code}/Greeting.{language}", f"{tests}/GreetingTest.{language}"),
    }
    FILES[f"{language}/text"] = EVERY | {
        *("pom.xml", "data/messages.tsv", f"{code}/Topics.{language}"),
        *(f"{tests}/TopicsTest.{language}", "cases/accuracy.json", "cases/topics.json"),
        "cases/wrong_texts.json",
    }
FILES["java/text"] |= {"Train.java"}
FILES["ruby/minimal"] = EVERY | {
    *("Gemfile", "cases/greeting.json", "src/hand_digits.rb", "tests/test_hand_digits.rb"),
}
FILES["ruby/similarity"] = EVERY | {
    *("schema.json", "models/proverbs.txt", "cases/proverbs.json"),
    *("src/hand_digits.rb", "tests/test_hand_digits.rb"),
}
FILES["r/minimal"] = EVERY | {
    *("DESCRIPTION", "cases/greeting.json", "src/hand_digits.R", "tests/test_hand_digits.R"),
}
FILES["r/linear"] = FILES["r/minimal"] - {"cases/greeting.json"} | {
    *("schema.json", "train.R", "models/consumption.rds", "cases/cars.json", "cases/held_out.json"),
}
FILES["typescript/minimal"] = EVERY | {
    *("package.json", "tsconfig.json", "cases/greeting.json"),
    *("src/hand_digits.ts", "tests/hand_digits.test.ts"),
}
FILES["typescript/text"] = FILES["typescript/minimal"] - {"cases/greeting.json"} | {
    *("cases/accuracy.json", "cases/messages.json", "cases/wrong_texts.json"),
}
FILES["javascript/onnx"] = FILES["javascript/minimal"] - {"cases/greeting.json"} | {
    *(".npmrc", "models/digits.onnx"),
    *("cases/accuracy.json", "cases/digits.json", "cases/wrong_images.json"),
}
BINARY = (".rds", ".onnx")
CASES = {f"cases/{name}.json" for name in ("accuracy", "digits", "wrong_images")}
DIGITS = EVERY | CASES
FILES["go/knn"] = DIGITS | {
    *("go.mod", "models/digits.csv", "src/hand_digits.go", "src/hand_digits_test.go"),
}
FILES["rust/tree"] = DIGITS | {
    *("Cargo.toml", "data/digits.csv", "src/hand_digits.rs", "src/bin/train.rs"),
    "tests/hand_digits.rs",
}
# PyPI's wheel of it brings gigabytes of CUDA along, so it is locked here and not installed.
HUGE = "python/pytorch"
ALGO = [sys.executable, "-m", "algo"]


@pytest.fixture(params=FILES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Scaffolded:
    return scaffold("acme/hand-digits", request.param, tmp_path, data_folder("scaffolds"))


def test_every_template_is_held_here() -> None:
    assert set(template_names(data_folder("scaffolds"))) == set(FILES)


def test_the_whole_file_list_is_what_it_should_be(made: Scaffolded) -> None:
    assert set(made.files) == FILES[made.template]
    assert {
        path.relative_to(made.folder).as_posix()
        for path in made.folder.rglob("*")
        if path.is_file()
    } == FILES[made.template]


def test_no_placeholder_and_no_word_of_the_template_is_left(made: Scaffolded) -> None:
    for name in made.files:
        if name.endswith(BINARY):
            continue
        text = (made.folder / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<!\$)\{\{", text), name
        assert text.endswith("\n"), name
        assert "\r" not in text, name


def test_the_manifest_names_what_is_there(made: Scaffolded) -> None:
    project = Project.open(made.folder)
    assert project.name == "acme/hand-digits"
    assert project.entry_file.is_file()
    assert project.manifest.algorithm.language == made.template.partition("/")[0]


@pytest.mark.parametrize("made", PYTHON, indirect=True)
def test_the_code_is_clean(made: Scaffolded) -> None:
    command = [sys.executable, "-m", "ruff"]
    rules = "--select=E,F,W,I,UP,B,SIM,PTH,RUF"
    options = ["--isolated", "--no-cache", "--line-length=100", "--target-version=py311"]
    lint = [*command, "check", *options, rules, "."]
    layout = [*command, "format", *options, "--check", "."]
    for arguments in (lint, layout):
        done = subprocess.run(arguments, cwd=made.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_cases_are_read_and_one_is_a_sample(made: Scaffolded) -> None:
    assert len(read_cases(made.folder)) >= 3
    assert len(json.dumps(first_input(made.folder), separators=(",", ":"))) < 300


@pytest.mark.parametrize("template", ["sklearn", "pytorch"])
def test_the_held_out_scans_are_all_there_with_ten_of_each_digit_at_least(template: str) -> None:
    from algo.contract.case import Labelled

    labelled = [
        case
        for case in read_cases(data_folder("scaffolds") / "python" / template)
        if isinstance(case, Labelled)
    ]
    assert [(case.metric, case.bound) for case in labelled] == [("accuracy", 0.95)]
    labels = [example.label for example in labelled[0].examples]
    assert len(labels) == 450
    assert min(labels.count(digit) for digit in range(10)) >= 10


# Only what can be typed counts: a line of a shell block, of the workflow, or a next command.
COMMAND = re.compile(r"^(?:\$ |\s*- run: |.*\| )?(algo .*)$", re.MULTILINE)


def commands(made: Scaffolded) -> list[list[str]]:
    files = ("README.md", ".github/workflows/algo.yml")
    text = "\n".join((made.folder / name).read_text() for name in files)
    lines = [*COMMAND.findall(text), *(line for line in made.next if line.startswith("algo "))]
    return [shlex.split(line.split(" | ")[0]) for line in lines]


@cache
def help_of(verb: str) -> str:
    command = [*ALGO, verb, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_every_command_that_is_shown_exists_with_its_options(made: Scaffolded) -> None:
    found = commands(made)
    assert len(found) >= 5
    for _, verb, *rest in found:
        assert verb in VERBS
        options = [word for word in rest if word.startswith("-")]
        if "--" in options:
            options = options[: options.index("--")]
        told = help_of(verb)
        for option in options:
            assert re.search(rf"{re.escape(option)}\b", told), f"algo {verb} {option}"


@pytest.mark.usefixtures("algo_home")
@pytest.mark.parametrize("made", [name for name in PYTHON if name != HUGE], indirect=True)
def test_its_own_tests_and_cases_pass_from_the_commands_it_shows(made: Scaffolded) -> None:
    first = [line for line in made.next if line.startswith("algo exec")]
    for line in [*first, "algo test --engine virtualenv"]:
        arguments = [*ALGO, *shlex.split(line)[1:]]
        done = subprocess.run(
            arguments, cwd=made.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    status = [path.name for path in made.folder.iterdir()]
    assert "algo.lock" in status


@pytest.mark.slow
@pytest.mark.usefixtures("algo_home")
@pytest.mark.parametrize("made", [HUGE], indirect=True)
def test_pytorch_is_locked_for_every_target_with_its_cuda(made: Scaffolded) -> None:
    from algo.engines.cuda import need_of
    from algo.project.lock import read

    manifest = made.folder / "algo.toml"
    manifest.write_text(manifest.read_text().replace("gpu = false", "gpu = true"))
    done = subprocess.run([*ALGO, "lock"], cwd=made.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lock = read(made.folder / "algo.lock")
    assert lock is not None
    (image,) = [one for one in lock.targets if one.platform == "linux/amd64" and "3.13" in str(one)]
    packages = [(pin.name, pin.version) for pin in lock.pins(image)]
    assert "torch" in dict(packages)
    assert need_of(packages) is not None
