from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.contract import report
from algo.contract.errors import CaseInvalid, NothingChosen
from algo.contract.run import run_tests
from algo.events import Event, Log, Note, silent
from algo.project.manifest import parse
from algo.project.project import Project
from algo.publish.errors import VersionTooLow

from tests.fakes.algorithms import FunctionAlgorithm, GivenSuite, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.contract.compare import Finding
    from algo.contract.values import Json

MANIFEST = '[algorithm]\nname = "acme/x"\nlanguage = "python"\nentrypoint = "src/x.py:apply"\n'


def project(folder: Path, **cases: str) -> Project:
    (folder / "cases").mkdir(parents=True)
    for name, text in cases.items():
        (folder / "cases" / f"{name}.json").write_text(text)
    return Project(folder, parse(MANIFEST))


def double(value: Json) -> Json:
    if value == "bad":
        raise Refused("not_a_number")
    assert isinstance(value, int | float)
    return {"y": value * 2}


def results(found: report.TestReport) -> dict[str, tuple[str, str]]:
    return {outcome.name: (outcome.result, outcome.message) for outcome in found.outcomes}


def test_every_case_comes_to_an_outcome(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        a='[{"name": "good", "input": 2, "expected": {"y": 4}},'
        ' {"name": "wrong", "input": 2, "expected": {"y": 5}},'
        ' {"name": "refused", "input": "bad", "error": "not_a_number"}]',
    )
    found = run_tests(here, FunctionAlgorithm(double), None, notify=silent)
    assert results(found) == {
        "good": ("passed", ""),
        "wrong": ("failed", "at y: expected 5, got 4"),
        "refused": ("passed", ""),
    }
    assert not found.ok
    assert found.sentence.startswith("2 passed, 1 failed in ")


LABELLED = (
    '{"name": "set", "metric": "%s", "%s": %s, "path": "y",'
    ' "examples": [{"input": 1, "label": 2}, {"input": 2, "label": 4},'
    ' {"input": 3, "label": 7}, {"input": "bad", "label": 0}]}'
)


@pytest.mark.parametrize(
    ("bound", "result", "message"),
    [
        (0.5, "passed", "accuracy 0.5000 of 4"),
        (
            0.6,
            "failed",
            "accuracy 0.5000 of 4 is below the floor 0.6; "
            "example 4: answered with the error not_a_number: refused: not_a_number",
        ),
    ],
)
def test_accuracy_is_held_against_its_floor_and_an_error_is_a_wrong_answer(
    tmp_path: Path, bound: float, result: str, message: str
) -> None:
    here = project(tmp_path, a=LABELLED % ("accuracy", "floor", bound))
    found = run_tests(here, FunctionAlgorithm(double), None, notify=silent)
    assert results(found) == {"set": (result, message)}
    assert [measured.value for measured in found.contract.metrics] == [0.5]


def test_a_distance_cannot_be_taken_from_an_error(tmp_path: Path) -> None:
    here = project(tmp_path, a=LABELLED % ("mae", "ceiling", 9))
    found = run_tests(here, FunctionAlgorithm(double), None, notify=silent)
    assert results(found)["set"][1].startswith("example 4: answered with the error not_a_number")
    assert found.contract.metrics == ()


@pytest.mark.parametrize(
    ("metric", "ceiling", "result", "value"),
    [("mae", 0.4, "passed", 1 / 3), ("mae", 0.3, "failed", 1 / 3), ("rmse", 1, "passed", 3**-0.5)],
)
def test_a_distance_is_held_against_its_ceiling(
    tmp_path: Path, metric: str, ceiling: float, result: str, value: float
) -> None:
    text = LABELLED.replace(', {"input": "bad", "label": 0}', "")
    here = project(tmp_path, a=text % (metric, "ceiling", ceiling))
    found = run_tests(here, FunctionAlgorithm(double), None, notify=silent)
    assert results(found)["set"][0] == result
    assert found.contract.metrics[0].value == pytest.approx(value)


def test_a_true_or_false_is_no_number(tmp_path: Path) -> None:
    here = project(tmp_path, a=LABELLED % ("mae", "ceiling", 9))
    found = run_tests(here, FunctionAlgorithm(lambda value: {"y": True}), None, notify=silent)
    assert results(found)["set"] == ("failed", "example 1: the answer is no number")


def test_nothing_is_called_when_a_case_cannot_be_read(tmp_path: Path) -> None:
    here = project(tmp_path, a='{"input": 1, "expected": 1}', b="{}")
    algorithm = FunctionAlgorithm(double)
    with pytest.raises(CaseInvalid):
        run_tests(here, algorithm, None, notify=silent)
    assert algorithm.seen == []


def test_words_choose_the_cases_and_are_handed_to_the_suite(tmp_path: Path) -> None:
    text = (
        '[{"name": "A Three", "input": 1, "expected": 1}, {"name": "b", "input": 2, "expected": 1}]'
    )
    algorithm, suite = FunctionAlgorithm(double), GivenSuite(())
    run_tests(project(tmp_path, a=text), algorithm, suite, notify=silent, only="three a")
    assert algorithm.seen == [1]
    assert suite.asked == ["three a"]


def test_a_project_without_cases_and_tests_is_fine_and_says_so(tmp_path: Path) -> None:
    told: list[Event] = []
    found = run_tests(project(tmp_path), FunctionAlgorithm(double), None, notify=told.append)
    assert found.ok
    assert found.sentence == "nothing was tested"
    assert [event.text for event in told if isinstance(event, Note)] == [
        "no golden cases: there is no .json file in cases/",
        "no tests of its own: no file in tests/ or beside the code is one",
    ]


def test_the_details_of_a_failed_test_are_told(tmp_path: Path) -> None:
    outcome = report.Outcome(
        "tests", "tests.test_x", "test_y", "failed", 0.1, "no", "line 1\nline 2"
    )
    told: list[Event] = []
    found = run_tests(
        project(tmp_path), FunctionAlgorithm(double), GivenSuite((outcome,)), notify=told.append
    )
    assert not found.ok
    lines = [event.text for event in told if isinstance(event, Log)]
    assert lines == ["tests.test_x: test_y", "line 1", "line 2"]


def test_the_contract_holds_what_was_answered(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        a='[{"name": "one", "input": 2, "assert": {"path": "y", "gt": 1}, "stable": true},'
        ' {"name": "two", "input": "bad", "error": "not_a_number"}]',
    )
    contract = run_tests(here, FunctionAlgorithm(double), None, notify=silent).contract
    assert [(case.id, case.output, case.error, case.stable) for case in contract.cases] == [
        ("cases/a.json: one", {"y": 4}, "", True),
        ("cases/a.json: two", None, "not_a_number", False),
    ]
    assert contract.errors == ("not_a_number",)
    assert contract.input.type == ("integer",)
    assert contract.output.required == ("y",)


def test_the_cases_of_the_last_version_are_called_again(tmp_path: Path) -> None:
    here = project(tmp_path, a='{"input": 2, "expected": {"y": 4}}')
    last = run_tests(here, FunctionAlgorithm(double), None, notify=silent).contract
    same = run_tests(here, FunctionAlgorithm(double), None, notify=silent, previous=last)
    assert same.findings == ()
    other = FunctionAlgorithm(lambda value: {"y": 5})
    changed = run_tests(here, other, None, notify=silent, previous=last)
    assert [(found.rule, found.level) for found in changed.findings] == [
        ("case_answer_changed", "minor")
    ]


def test_what_differs_is_refused_before_its_own_tests_unless_a_case_fails(tmp_path: Path) -> None:
    def check(findings: Sequence[Finding]) -> None:
        raise VersionTooLow(f"{len(findings)} findings")

    here = project(tmp_path, a='{"input": 2, "expected": {"y": 4}}')
    last = run_tests(here, FunctionAlgorithm(double), None, notify=silent).contract
    other, suite = FunctionAlgorithm(lambda value: {"y": 4, "z": 1}), GivenSuite(())
    with pytest.raises(VersionTooLow):
        run_tests(
            project(tmp_path / "b", a='{"input": 2, "assert": {"path": "y", "gt": 1}}'),
            other, suite, notify=silent, previous=last, check=check,
        )  # fmt: skip
    assert suite.asked == []
    failing = FunctionAlgorithm(lambda value: {"y": 5})
    run_tests(here, failing, suite, notify=silent, previous=last, check=check)
    assert suite.asked == [""]


def test_words_that_nothing_has_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    here = project(tmp_path, a='{"name": "doubles two", "input": 2, "expected": {"y": 4}}')
    with pytest.raises(NothingChosen, match=r"'double twos'.*nearest: 'doubles two'") as caught:
        run_tests(here, FunctionAlgorithm(double), None, notify=silent, only="double twos")
    assert (caught.value.exit_code, caught.value.hint) == (2, "algo test -k 'doubles two'")
    with pytest.raises(NothingChosen) as caught:
        run_tests(here, FunctionAlgorithm(double), GivenSuite(()), notify=silent, only="zzzz")
    assert caught.value.hint == "algo test"


def test_a_project_without_cases_and_tests_is_fine_whatever_the_words(tmp_path: Path) -> None:
    here = project(tmp_path)
    assert run_tests(here, FunctionAlgorithm(double), None, notify=silent, only="zzzz").ok


def test_tests_that_nobody_asked_for_are_not_called_missing(tmp_path: Path) -> None:
    told: list[Event] = []
    run_tests(project(tmp_path), FunctionAlgorithm(double), None, notify=told.append, own=False)
    assert not [event for event in told if isinstance(event, Note) and "of its own" in event.text]
