"""The project's own tests are run by a real pytest, in a process of its own."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest
from algo.contract.errors import SuiteFailed
from algo.contract.suite import PytestSuite, has_tests
from algo.events import Event, Note, silent

TESTS = """
import pytest

def test_good():
    pass

def test_bad():
    assert [1] == [2], "not the same"

@pytest.mark.skip(reason="not today")
def test_later():
    pass

class TestGroup:
    def test_inside(self):
        pass
"""


def suite(folder: Path, text: str, name: str = "test_a.py") -> PytestSuite:
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / name).write_text(text)
    variables = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return PytestSuite(folder, Path(sys.executable), variables)


def test_every_test_comes_to_an_outcome(tmp_path: Path) -> None:
    outcomes = suite(tmp_path, TESTS).run("", silent)
    assert [(outcome.group, outcome.name, outcome.result) for outcome in outcomes] == [
        ("tests.test_a", "test_good", "passed"),
        ("tests.test_a", "test_bad", "failed"),
        ("tests.test_a", "test_later", "skipped"),
        ("tests.test_a.TestGroup", "test_inside", "passed"),
    ]
    assert outcomes[1].message.startswith("AssertionError: not the same")
    assert "assert [1] == [2]" in outcomes[1].details


def test_a_run_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    tests = suite(tmp_path, TESTS)
    variables = {name: value for name, value in tests.variables.items() if "BYTECODE" not in name}
    PytestSuite(tmp_path, tests.python, variables).run("", silent)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["test_a.py", "tests"]


@pytest.mark.parametrize(
    ("only", "names"),
    [("good", ["test_good"]), ("test group", ["test_inside"]), ("( and", None)],
)
def test_words_choose_the_tests(tmp_path: Path, only: str, names: list[str] | None) -> None:
    outcomes = suite(tmp_path, TESTS).run(only, silent)
    assert names is None or [outcome.name for outcome in outcomes] == names


def test_a_module_that_cannot_be_imported_is_an_error_with_its_trace(tmp_path: Path) -> None:
    (outcome,) = suite(tmp_path, "import nowhere_to_be_found").run("", silent)
    assert (outcome.result, outcome.name) == ("error", "tests.test_a")
    assert "No module named 'nowhere_to_be_found'" in outcome.details


def test_no_test_at_all_is_worth_a_note(tmp_path: Path) -> None:
    told: list[Event] = []
    assert suite(tmp_path, "x = 1").run("", told.append) == ()
    assert told == [Note("pytest found no test in tests/")]


def test_an_environment_without_pytest_says_what_to_add(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    bare = suite(tmp_path, TESTS)
    with pytest.raises(SuiteFailed) as raised:
        PytestSuite(tmp_path, tmp_path / "env" / "bin" / "python", bare.variables).run("", silent)
    assert raised.value.hint == "add pytest to requirements-test.in, then: algo lock"


def test_a_pytest_that_cannot_start_shows_its_own_words(tmp_path: Path) -> None:
    broken = suite(tmp_path, TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    with pytest.raises(SuiteFailed, match="ended with 4") as raised:
        broken.run("", silent)
    assert "--no-such-option" in raised.value.details


@pytest.mark.parametrize(
    ("name", "found"),
    [("test_a.py", True), ("a_test.py", True), ("conftest.py", False), ("deep/test_b.py", True)],
)
def test_only_test_files_count(tmp_path: Path, name: str, found: bool) -> None:
    assert not has_tests(tmp_path)
    path = tmp_path / "tests" / name
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert has_tests(tmp_path) is found
