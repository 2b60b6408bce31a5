"""`TEST_CASES.json` of Algorithmia's tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.contract.algorithmia import parse
from algo.contract.cases import read_cases
from algo.contract.check import complaint
from algo.contract.errors import CaseInvalid
from algo.contract.interface import Answer, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.case import Case
    from algo.contract.values import Json


def case(**said: Json) -> Case:
    (found,) = parse(json.dumps([{"case_name": "it", "input": 1, **said}]), "TEST_CASES.json")
    return found


@pytest.mark.parametrize(
    ("said", "answer", "why"),
    [
        ({"expected_output": {"a": 1}}, {"a": 1}, ""),
        ({"expected_output": "hello"}, "hullo", 'expected "hello", got "hullo"'),
        ({"expected_output": None}, None, ""),
        ({"expected_output": 0.5, "tolerance": 0.01}, 0.505, ""),
        ({"expected_output": 0.5}, 0.505, "expected 0.5, got 0.505"),
        ({"expected_output": 0.7, "type": "GREATER_OR_EQUAL"}, 0.7, ""),
        ({"expected_output": 0.7, "type": "greater_or_equal"}, 0.6, "expected at least 0.7"),
        ({"expected_output": 3, "type": "LESS_OR_EQUAL", "tree": ["l", 1]}, {"l": [9, 3]}, ""),
        ({"expected_output": 3, "type": "LESS_OR_EQUAL", "tree": ["l", 0]}, {"l": [9]}, "at l.0:"),
        ({"expected_output": "x", "tree": ["a", "b"]}, {"a": {"b": "x"}}, ""),
        ({"expected_output": "x", "tree": ""}, "x", ""),
        ({"type": "NO_EXCEPTION"}, "anything", ""),
        ({"type": "EXCEPTION"}, "anything", 'expected an error, got "anything"'),
    ],
)
def test_an_answer_is_held_against_its_type(said: dict[str, Json], answer: Json, why: str) -> None:
    assert complaint(case(**said), Answer(answer)).startswith(why)
    assert bool(complaint(case(**said), Answer(answer))) == bool(why)


def test_an_error_is_what_exception_wants_and_nothing_else() -> None:
    fault = Fault("anything", "no")
    assert complaint(case(type="EXCEPTION"), fault) == ""
    assert complaint(case(type="NO_EXCEPTION"), fault) == "answered with the error anything: no"
    assert complaint(case(expected_output=1), fault)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "an object, not a list of cases"),
        ("[1]", "case 1 is an integer"),
        ("[{}]", "has no input"),
        ('[{"input": 1}]', "has no expected_output, which EXACT_MATCH compares with"),
        ('[{"input": 1, "type": "EXACT"}]', "has the type 'EXACT'"),
        (
            '[{"input": 1, "expected_output": "a", "type": "LESS_OR_EQUAL"}]',
            "expected_output is a string, not a number, for LESS_OR_EQUAL",
        ),
        ('[{"input": 1, "expected_output": 1, "tree": "a"}]', "tree is a string"),
        ('[{"input": 1, "expected_output": 1, "tree": ["a.b"]}]', "no key without a dot"),
        ('[{"input": 1, "expected_output": 1, "tree": [-1]}]', "tree has -1"),
        ('[{"input": 1, "expected_output": 1, "tolerance": -1}]', "tolerance is an integer"),
        ('[{"input": NaN}]', "holds NaN"),
        ("[", "is not JSON"),
    ],
)
def test_what_is_wrong_is_named_with_its_case(text: str, message: str) -> None:
    with pytest.raises(CaseInvalid, match=r"TEST_CASES\.json") as caught:
        parse(text, "TEST_CASES.json")
    assert message in caught.value.message


def test_a_type_that_is_misspelt_gets_the_nearest() -> None:
    with pytest.raises(CaseInvalid) as caught:
        case(type="NO_EXEPTION")
    assert caught.value.hint == "did you mean NO_EXCEPTION?"


def test_they_come_with_the_cases_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "one.json").write_text('{"input": 1, "expected": 2}')
    twice = '[{"case_name": "a", "input": 1, "type": "EXCEPTION"}, {"case_name": "a", "input": 2,'
    (tmp_path / "TEST_CASES.json").write_text(f'{twice} "type": "NO_EXCEPTION"}}]')
    assert [one.id for one in read_cases(tmp_path)] == [
        "cases/one.json: one",
        "TEST_CASES.json: a",
        "TEST_CASES.json: a (2)",
    ]
