"""Tests by a step that a language names: a report where it writes one, else its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from algo.contract.report import FAILED, PASSED
from algo.contract.suite import has_files_like
from algo.contract.tool_suite import ToolSuite
from algo.events import silent
from algo.languages.interface import Finished, Work

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Notify

REPORT = """<testsuites>
<testcase name="it adds" classname="sum" time="0.1"/>
<testcase name="it fails" classname="sum" time="0.1"><failure message="no"/></testcase>
</testsuites>"""


@dataclass
class FakeBench:
    code: int = 0
    said: str = ""
    report: str = ""
    key: str = "fake"

    def run(self, work: Work, *, notify: Notify) -> Finished:
        assert work.places["report"].is_dir()
        if self.report:
            (work.places["report"] / "report.xml").write_text(self.report)
        return Finished(self.code, self.said)


def suite(root: Path, bench: FakeBench) -> ToolSuite:
    work = Work(("run", "tests"), {"app": root}, frozenset({"app"}), "app")
    return ToolSuite(root, work, bench, root / "tmp")


def test_a_report_gives_each_test_and_words_choose_among_them(tmp_path: Path) -> None:
    bench = FakeBench(1, "1 failed", REPORT)
    found = suite(tmp_path, bench).run("", silent)
    assert [(one.name, one.result) for one in found] == [("it adds", PASSED), ("it fails", FAILED)]
    assert [one.name for one in suite(tmp_path, bench).run("ADDS", silent)] == ["it adds"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_a_report_the_exit_code_counts(tmp_path: Path) -> None:
    (tmp_path / "a.x").touch()
    (passed,) = suite(tmp_path, FakeBench()).run("", silent)
    assert (passed.result, passed.details) == (PASSED, "")
    (failed,) = suite(tmp_path, FakeBench(2, "a.x:7: no")).run("", silent)
    assert (failed.result, failed.message, failed.details) == (FAILED, "a.x:7", "a.x:7: no")


def test_a_report_without_a_failure_does_not_hide_that_the_runner_failed(tmp_path: Path) -> None:
    green = REPORT.replace('<failure message="no"/>', "")
    (failed,) = suite(tmp_path, FakeBench(1, "it broke after the tests", green)).run("", silent)
    assert (failed.result, failed.details) == (FAILED, "it broke after the tests")


@pytest.mark.parametrize(
    ("path", "patterns", "there"),
    [
        ("tests/a.test.js", ["tests/*"], True),
        ("src/deep/a_test.go", ["*_test.go"], True),
        ("node_modules/x/tests/a.js", ["*/tests/*"], False),
        (".hidden/tests/a.js", ["*/tests/*"], False),
        ("src/a.js", ["tests/*"], False),
    ],
)
def test_a_project_has_tests_where_a_file_is_like_those_of_its_language(
    tmp_path: Path, path: str, patterns: list[str], there: bool
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).touch()
    assert has_files_like(tmp_path, patterns) is there
