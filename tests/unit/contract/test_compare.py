from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.contract.compare import (
    Finding,
    Level,
    compare,
    compare_answers,
    minimum_bump,
    replay,
)
from algo.contract.errors import ContractInvalid
from algo.contract.record import Contract, Measured, Recorded
from algo.contract.schema import Schema, infer

from tests.fakes.algorithms import FunctionAlgorithm, Refused

if TYPE_CHECKING:
    from algo.contract.values import Json


def of(inputs: list[Json], outputs: list[Json]) -> Contract:
    return Contract(input=infer(inputs), output=infer(outputs))


def rules(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(found.rule, found.path, found.level) for found in findings]


def test_a_schema_is_the_narrowest_that_all_values_fulfil() -> None:
    values: list[Json] = [{"a": [1, 2.5], "b": None}, {"a": []}, {"a": [True], "b": "x"}]
    assert infer(values) == Schema(
        type=("object",),
        properties={
            "a": Schema(type=("array",), items=Schema(type=("boolean", "number"))),
            "b": Schema(type=("null", "string")),
        },
        required=("a",),
    )


def test_nothing_is_known_of_no_values() -> None:
    assert infer([]) == Schema()
    assert infer([[]]) == Schema(type=("array",))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1], [1], []),
        ([1], [1, 2.5], [("input_widened", "input", "minor")]),
        ([1, "x"], [1], [("input_narrowed", "input", "major")]),
        ([2.5], [1], [("input_narrowed", "input", "major")]),
        ([{"a": 1}], [{"a": 1, "b": 2}], [("required_input_added", "input.b", "major")]),
        ([{"a": 1}], [{"a": 1, "b": 2}, {"a": 1}], [("input_added", "input.b", "minor")]),
        ([{"a": 1, "b": 2}], [{"a": 1}], [("input_removed", "input.b", "major")]),
        ([{"a": 1}], [{"a": 1}, {}], [("input_now_optional", "input.a", "minor")]),
        ([{"a": 1}, {}], [{"a": 1}], [("input_now_required", "input.a", "major")]),
        ([{"a": [[1]]}], [{"a": [["x"]]}], [
            ("input_narrowed", "input.a[][]", "major"), ("input_widened", "input.a[][]", "minor"),
        ]),
        ([{"a": []}], [{"a": [1]}], []),
        ([{"a": 1}], [3], [
            ("input_narrowed", "input", "major"), ("input_widened", "input", "minor"),
        ]),
        ([], [1], []),
        ([1], [], []),
    ],
)  # fmt: skip
def test_taking_less_is_major_and_taking_more_is_minor(
    old: list[Json], new: list[Json], expected: list[tuple[str, str, str]]
) -> None:
    assert rules(compare(of(old, []), of(new, []))) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([{"a": 1}], [{"a": 1}], []),
        ([{"a": 1}], [{"a": 1, "b": 2}], [("output_added", "output.b", "minor")]),
        ([{"a": 1, "b": 2}], [{"a": 1}], [("output_removed", "output.b", "major")]),
        ([{"a": 1}], [{"a": 1}, {"a": "x"}], [("output_widened", "output.a", "major")]),
        ([{"a": 1}, {"a": "x"}], [{"a": 1}], [("output_narrowed", "output.a", "minor")]),
        ([{"a": 1}], [{"a": 1}, {}], [("output_now_optional", "output.a", "major")]),
        ([{"a": 1}, {}], [{"a": 1}], [("output_now_required", "output.a", "minor")]),
    ],
)
def test_giving_less_than_promised_is_major_and_giving_more_is_minor(
    old: list[Json], new: list[Json], expected: list[tuple[str, str, str]]
) -> None:
    assert rules(compare(of([], old), of([], new))) == expected


def test_a_lost_error_code_is_major_and_a_new_one_minor() -> None:
    findings = compare(Contract(errors=("a", "b")), Contract(errors=("b", "c")))
    assert rules(findings) == [("error_removed", "a", "major"), ("error_added", "c", "minor")]


@pytest.mark.parametrize(("stable", "level"), [(False, "minor"), (True, "major")])
def test_another_metric_is_minor_unless_it_was_called_stable(stable: bool, level: str) -> None:
    old = Contract(metrics=(Measured("a", "accuracy", 0.97, 0.95, stable),))
    new = Contract(metrics=(Measured("a", "accuracy", 0.98, 0.95),))
    (found,) = compare(old, new)
    assert (found.level, found.text) == (level, "accuracy was 0.9700, is 0.9800")
    assert compare(old, old) == compare(old, Contract()) == ()


def answers(value: Json) -> Json:
    if value == "bad":
        raise Refused("not_a_number")
    return {"y": 4.001}


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (Recorded("a", 2, {"y": 4.001}), ""),
        (Recorded("a", 2, {"y": 4}, absolute=0.01), ""),
        (Recorded("a", 2, {"y": 4}), "at y: expected 4, got 4.001"),
        (Recorded("a", "bad", error="not_a_number"), ""),
        (Recorded("a", "bad", error="bad"), "the error was bad, is not_a_number"),
        (Recorded("a", "bad", 4), "was an answer, is the error not_a_number"),
        (Recorded("a", 2, error="bad"), "was the error bad, is an answer"),
    ],
)
@pytest.mark.parametrize(("stable", "level"), [(False, "minor"), (True, "major")])
def test_an_old_case_that_is_answered_differently_is_found(
    case: Recorded, text: str, stable: bool, level: str
) -> None:
    import msgspec

    old = Contract(cases=(msgspec.structs.replace(case, stable=stable),))
    found = compare_answers(old.cases, replay(old, FunctionAlgorithm(answers)))
    assert [(one.text, one.level) for one in found] == ([(text, level)] if text else [])


def test_the_largest_finding_decides_and_none_is_a_patch() -> None:
    def finding(level: Level) -> Finding:
        return Finding("rule", "path", level, "text")

    assert minimum_bump([]) is Level.PATCH
    assert minimum_bump([finding(Level.MINOR)]) is Level.MINOR
    assert minimum_bump([finding(Level.MAJOR), finding(Level.MINOR)]) is Level.MAJOR


def test_a_contract_survives_its_document_which_is_the_same_every_time() -> None:
    contract = Contract(
        input=infer([{"b": 1, "a": [1.5]}]),
        output=infer([{"y": None}]),
        errors=("bad",),
        cases=(Recorded("c", {"b": 1, "a": 2}, {"y": None}, absolute=0.5, stable=True),),
        metrics=(Measured("m", "mae", 0.25, 1.0),),
    )
    again = Contract.decode(contract.encode())
    assert again == contract
    assert again.encode() == contract.encode()
    assert b'"input":{"a":2,"b":1}' in contract.encode()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 2}', b'{"cases": [{}]}', b"[" * 99_999])
def test_what_is_no_contract_is_refused(data: bytes) -> None:
    with pytest.raises(ContractInvalid):
        Contract.decode(data)
