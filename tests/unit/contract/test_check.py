from __future__ import annotations

import json

import pytest
from algo.contract.case import Case
from algo.contract.cases import parse_cases
from algo.contract.check import complaint
from algo.contract.interface import Answer, Fault
from algo.contract.values import EXACT, Json, NoSuchPath, Tolerance, first_difference, look_up


def case(**item: Json) -> Case:
    (parsed,) = parse_cases(json.dumps({"input": None, **item}), "cases/a.json")
    assert isinstance(parsed, Case)
    return parsed


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, 1.0),
        (0.1 + 0.2, 0.3),
        (1e300, 1e300 * (1 + 1e-9)),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (True, True),
        (10**400, 10**400),
        (float("inf"), float("inf")),
    ],
)
def test_values_agree(expected: Json, got: Json) -> None:
    assert first_difference(expected, got, Tolerance()) is None


@pytest.mark.parametrize(
    ("expected", "got", "text"),
    [
        (1, True, "expected 1, got true"),
        (True, 1, "expected true, got 1"),
        (None, False, "expected null, got false"),
        (1, "1", 'expected 1, got "1"'),
        (1, 1.01, "expected 1, got 1.01"),
        (float("inf"), 1, "expected Infinity, got 1"),
        (10**400, 1.5, "got 1.5"),
        ([1, 2], [1], "expected 2 items, got 1"),
        ([1, [2, 3]], [1, [2, 4]], "at 1.1: expected 3, got 4"),
        ({"a": {"b": 1}}, {"a": {}}, "at a: 'b' is missing"),
        ({"a": 1}, {"a": 1, "c": 2}, "'c' was not expected"),
        ({"a": {"b": [1]}}, {"a": {"b": ["x"]}}, 'at a.b.0: expected 1, got "x"'),
    ],
)
def test_the_first_difference_has_its_path(expected: Json, got: Json, text: str) -> None:
    assert text in str(first_difference(expected, got, Tolerance()))


def test_a_tolerance_is_absolute_or_relative_to_what_was_expected() -> None:
    assert first_difference(100, 101, Tolerance(1.0, 0.0)) is None
    assert first_difference(100, 101, Tolerance(0.0, 0.01)) is None
    assert first_difference(100, 101.1, Tolerance(1.0, 0.01)) is not None
    assert first_difference(0.3, 0.1 + 0.2, EXACT) is not None


def test_a_long_value_is_cut_in_a_message() -> None:
    assert len(str(first_difference("x" * 500, "y" * 500, EXACT))) < 200


def test_a_path_leads_through_keys_and_positions() -> None:
    value: Json = {"a": [{"0": "x"}]}
    assert look_up(value, "a.0.0") == "x"
    assert look_up(value, "") == value


@pytest.mark.parametrize("path", ["b", "a.1", "a.-1", "a.x", "a.0.0.0", "."])
def test_a_path_that_leads_nowhere_says_where_it_ended(path: str) -> None:
    with pytest.raises(NoSuchPath, match="has no"):
        look_up({"a": [{"0": "x"}]}, path)


ANSWER: Json = {"digit": 3, "p": [0.1, 0.9], "text": "three", "note": None}


@pytest.mark.parametrize(
    "demand",
    [
        {"path": "digit", "equals": 3},
        {"path": "p.1", "gt": 0.8, "lt": 1, "gte": 0.9, "lte": 0.9},
        {"path": "p", "contains": 0.1, "length": 2, "type": "array"},
        {"contains": "digit", "type": "object", "length": 4},
        {"path": "text", "contains": "hre", "matches": "^t.*e$", "type": "string"},
        {"path": "digit", "type": "number"},
        {"path": "digit", "type": "integer"},
        {"path": "note", "type": "null"},
    ],
)
def test_a_demand_that_holds_is_no_complaint(demand: Json) -> None:
    assert complaint(case(**{"assert": demand}), Answer(ANSWER)) == ""


@pytest.mark.parametrize(
    ("demand", "text"),
    [
        ({"path": "digit", "equals": 4}, "at digit: expected 4, got 3"),
        ({"path": "p.1", "gte": 0.95}, "at p.1: expected at least 0.95, got 0.9"),
        ({"path": "text", "gte": 1}, 'at text: expected at least 1, got "three"'),
        ({"path": "q", "equals": 1}, "the answer has no 'q'"),
        ({"path": "p.7", "equals": 1}, "p has no '7'"),
        ({"path": "text", "matches": "^e"}, 'expected a string like "^e"'),
        ({"path": "text", "contains": 3}, "expected something with 3"),
        ({"path": "p", "length": 3}, "expected a length of 3"),
        ({"path": "p.0", "type": "integer"}, 'expected the type "integer"'),
        ({"length": 1}, "expected a length of 1"),
    ],
)
def test_a_demand_that_does_not_hold_is_told(demand: Json, text: str) -> None:
    assert text in complaint(case(**{"assert": demand}), Answer(ANSWER))


def test_the_first_of_several_demands_is_told() -> None:
    demands: Json = [{"path": "digit", "equals": 3}, {"path": "digit", "lt": 3}, {"length": 0}]
    assert complaint(case(**{"assert": demands}), Answer(ANSWER)).startswith("at digit: expected l")


@pytest.mark.parametrize(
    ("item", "got", "text"),
    [
        ({"expected": 1}, Fault("bad", "no"), "answered with the error bad: no"),
        ({"error": "bad"}, Fault("bad", "no"), ""),
        ({"error": "bad"}, Fault("worse", "no"), "expected the error bad, got worse: no"),
        ({"error": "bad"}, Answer(1), "expected the error bad, got 1"),
        ({"error": {"code": "bad", "message": "n"}}, Fault("bad", "no"), ""),
        ({"error": {"code": "bad", "message": "x"}}, Fault("bad", "no"), "lacks 'x': no"),
    ],
)
def test_errors_are_compared_by_code_and_message(
    item: dict[str, Json], got: Answer | Fault, text: str
) -> None:
    found = complaint(case(**item), got)
    assert text in found
    assert bool(found) == bool(text)
