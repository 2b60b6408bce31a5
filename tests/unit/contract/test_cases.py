from __future__ import annotations

import json
from pathlib import Path

import pytest
from algo.contract.case import Assertion, Case, Example, Expected, Holds, Labelled, Refuses
from algo.contract.cases import first_input, parse_cases, read_cases
from algo.contract.errors import CaseInvalid
from algo.contract.values import Json, Tolerance


def only(item: Json) -> Case | Labelled:
    (case,) = parse_cases(json.dumps(item), "cases/a.json")
    return case


def test_one_object_is_a_case_named_after_its_file() -> None:
    assert only({"input": 1, "expected": 2}) == Case(
        "cases/a.json", "a", 1, Expected(2), Tolerance(), stable=False
    )


def test_a_list_is_several_cases_named_by_number_or_by_themselves() -> None:
    text = '[{"input": 1, "expected": 2}, {"name": "two", "input": 2, "expected": null}]'
    assert [case.name for case in parse_cases(text, "cases/a.json")] == ["a 1", "two"]


def test_an_empty_list_holds_no_case() -> None:
    assert parse_cases("[]", "cases/a.json") == ()


def test_assertions_of_one_object_are_taken_one_by_one() -> None:
    case = only({"input": 1, "assert": {"path": "p.3", "gte": 0.5, "lte": 1}})
    assert isinstance(case, Case)
    assert case.check == Holds((Assertion("p.3", "gte", 0.5), Assertion("p.3", "lte", 1)))


@pytest.mark.parametrize(
    ("error", "check"),
    [("bad", Refuses("bad")), ({"code": "bad", "message": "size"}, Refuses("bad", "size"))],
)
def test_an_error_is_demanded_by_its_code(error: Json, check: Refuses) -> None:
    case = only({"input": 1, "error": error})
    assert isinstance(case, Case)
    assert case.check == check


@pytest.mark.parametrize(
    ("tolerance", "parsed"),
    [
        (0.5, Tolerance(0.5, 0.0)),
        ({"abs": 1}, Tolerance(1.0, 0.0)),
        ({"rel": 0.01}, Tolerance(0.0, 0.01)),
    ],
)
def test_a_tolerance_is_absolute_unless_it_says_otherwise(
    tolerance: Json, parsed: Tolerance
) -> None:
    case = only({"input": 1, "expected": 1, "tolerance": tolerance})
    assert isinstance(case, Case)
    assert case.tolerance == parsed


def test_a_labelled_set_has_a_metric_and_a_bound() -> None:
    examples: list[Json] = [{"input": 1, "label": 2}]
    labelled = only({"metric": "accuracy", "floor": 0.9, "path": "digit", "examples": examples})
    assert labelled == Labelled(
        "cases/a.json", "a", "accuracy", 0.9, "digit", (Example(1, 2),), stable=False
    )


EXAMPLES = [{"input": 1, "label": 2}]


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        (3, "cases/a.json is an integer, not an object", None),
        ({"input": 1}, "has none of expected, assert and error", None),
        ({"expected": 1}, "has no input", None),
        (
            {"input": 1, "expected": 1, "error": "x"},
            "has expected and error of expected, assert and error",
            None,
        ),
        ({"input": 1, "expectd": 1}, "has no key 'expectd'", "did you mean expected?"),
        ({"input": 1, "assert": {"path": "a"}}, "assert demands nothing", None),
        ({"input": 1, "assert": []}, "assert is empty", None),
        ({"input": 1, "assert": [1]}, "assert 1 is an integer, not an object", None),
        ({"input": 1, "assert": [{"gte": "x"}]}, "assert 1 gte is a string", None),
        ({"input": 1, "assert": [{"gte": True}]}, "assert 1 gte is a boolean", None),
        ({"input": 1, "assert": {"equal": 1}}, "assert has no key 'equal'", "did you mean equals?"),
        ({"input": 1, "assert": {"type": "float"}}, "assert type is 'float'; known", None),
        ({"input": 1, "assert": {"matches": "("}}, "no regular expression", None),
        ({"input": 1, "assert": {"path": 1, "gte": 1}}, "path is an integer", None),
        ({"input": 1, "error": 3}, "error is neither a code nor", None),
        ({"input": 1, "error": {"code": "a", "message": 1}}, "message is an integer", None),
        ({"input": 1, "expected": 1, "tolerance": "x"}, "tolerance is a string", None),
        ({"input": 1, "expected": 1, "tolerance": 10**400}, "too large", None),
        ({"input": 1, "expected": 1, "stable": 1}, "stable is an integer, not a bool", None),
        ({"input": 1, "expected": 1, "name": 1}, "name is an integer, not a str", None),
        ({"metric": "auc", "examples": EXAMPLES}, "no metric 'auc'", "known: accuracy, mae, rmse"),
        ({"metric": "accuracy", "examples": EXAMPLES}, "accuracy takes a floor", None),
        ({"metric": "mae", "floor": 1, "examples": EXAMPLES}, "mae takes a ceiling", None),
        ({"metric": "accuracy", "floor": 1}, "examples is missing", None),
        ({"metric": "accuracy", "floor": 1, "examples": []}, "examples is empty", None),
        (
            {"metric": "accuracy", "floor": 1, "examples": [{"input": 1}]},
            "example 1 has no label",
            None,
        ),
        (
            {"metric": "mae", "ceiling": 1, "examples": [{"input": 1, "label": "x"}]},
            "example 1 label is a string, not a number",
            None,
        ),
        (
            {"metric": "accuracy", "floor": 1, "examples": EXAMPLES, "expected": 1},
            "has no key 'expected'",
            None,
        ),
    ],
)
def test_what_is_no_case_is_refused_with_its_place(
    item: Json, message: str, hint: str | None
) -> None:
    with pytest.raises(CaseInvalid) as raised:
        only(item)
    assert "cases/a.json" in raised.value.message
    assert message in raised.value.message
    if hint:
        assert raised.value.hint == hint


def test_a_refusal_in_a_list_names_the_number_and_the_name() -> None:
    text = '[{"input": 1, "expected": 1}, {"name": "b", "input": 1}]'
    with pytest.raises(CaseInvalid, match=r"^cases/a.json: case 2 \('b'\): has none of"):
        parse_cases(text, "cases/a.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"input": 1,\n "expected": }', "cases/a.json:2:14 is not JSON: expecting value"),
        ("", "cases/a.json:1:1 is not JSON"),
        ('{"input": NaN, "expected": 1}', "holds NaN"),
        ('{"input": 1, "input": 2, "expected": 1}', "the key 'input' stands twice"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"name":"x","input":1,"expected":1},{"name":"x","input":1,"expected":1}]', "case 2: an"),
    ],
)
def test_what_is_no_proper_json_is_refused_with_its_position(text: str, message: str) -> None:
    with pytest.raises(CaseInvalid) as raised:
        parse_cases(text, "cases/a.json")
    assert message in raised.value.message


def test_the_files_of_a_project_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "b.json").write_text('{"input": 2, "expected": 2}')
    (tmp_path / "cases" / "a.json").write_text('{"input": 1, "expected": 1}')
    (tmp_path / "cases" / "notes.txt").write_text("no case")
    ids = [case.id for case in read_cases(tmp_path)]
    assert ids == ["cases/a.json: a", "cases/b.json: b"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "a.json").write_bytes(b'"\xff"')
    with pytest.raises(CaseInvalid, match="not UTF-8 at byte 1"):
        read_cases(tmp_path)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"a": "not json"}, None),
        ({"a": '{"input": {"x": [1, "é"]}, "expected": 1}'}, {"x": [1, "é"]}),
        ({"a": '[{"input": 1, "error": "x"}, {"input": 2, "expected": 1}]'}, 2),
        (
            {
                "a": '{"metric":"accuracy","floor":1,"examples":[{"input":3,"label":1}]}',
                "b": '{"input": 4, "expected": 1}',
            },
            4,
        ),
        ({"a": '{"metric":"accuracy","floor":1,"examples":[{"input":3,"label":1}]}'}, 3),
    ],
)
def test_the_sample_is_an_input_that_is_answered(
    tmp_path: Path, files: dict[str, str], found: object
) -> None:
    (tmp_path / "cases").mkdir()
    for name, content in files.items():
        (tmp_path / "cases" / f"{name}.json").write_text(content)
    assert first_input(tmp_path) == found


@pytest.mark.parametrize("template", ["minimal", "sklearn"])
def test_the_shipped_cases_are_read(template: str) -> None:
    root = Path(__file__).resolve().parents[3] / "scaffolds" / "python" / template
    assert len(read_cases(root)) >= 3
