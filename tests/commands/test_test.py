from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from algo.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(
    tmp_path: Path,
    algo_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALGO_ENGINE", "virtualenv")
    assert run(["init", "acme/hello"]) == 0
    monkeypatch.chdir(tmp_path / "hello")
    capsys.readouterr()
    return tmp_path / "hello"


def case(project: Path, document: object) -> None:
    (project / "cases" / "more.json").write_text(json.dumps(document))


def test_cases_and_tests_are_shown_in_one_table_and_a_sentence(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", "--junit", "reports/algo.xml"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == ["result", "what", "time", "why"]
    assert lines[1].startswith("passed  cases/greeting.json: greets by name")
    assert any("tests.test_hello: test_it_greets_by_name" in line for line in lines)
    assert "10 passed in " in shown.err
    root = ET.parse(project / "reports" / "algo.xml").getroot()
    assert [suite.get("tests") for suite in root] == ["3", "7"]


def test_a_failed_case_is_an_exit_code_and_its_reason_in_json(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case(project, {"name": "wrong", "input": "Ada", "expected": {"greeting": "Hello Bob!"}})
    assert run(["test", "-k", "wrong", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["passed"], document["failed"]) == (False, 0, 1)
    (outcome,) = document["outcomes"]
    assert outcome["message"] == 'at greeting: expected "Hello Bob!", got "Hello Ada!"'


def test_a_failed_test_is_an_exit_code_with_its_trace(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "tests" / "test_more.py").write_text("def test_bad():\n    assert 1 == 2\n")
    assert run(["test", "-k", "test_bad"]) == 1
    shown = capsys.readouterr()
    assert "failed  tests.test_more: test_bad" in shown.out
    assert "E       assert 1 == 2" in shown.err


def test_a_case_that_cannot_be_read_stops_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case(project, [{"input": 1, "expectd": 1}])
    assert run(["test", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error == {
        "code": "case_invalid",
        "message": "cases/more.json: case 1: has no key 'expectd'",
        "hint": "did you mean expected?",
    }
    assert not (project / "algo.lock").exists()


def test_without_cases_and_tests_it_says_so_and_is_content(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "cases" / "greeting.json").unlink()
    (project / "tests" / "test_hello.py").unlink()
    assert run(["test"]) == 0
    said = capsys.readouterr().err
    assert "no golden cases" in said
    assert "no tests of its own" in said


def test_outside_a_project_it_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["test", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "project_not_found"
