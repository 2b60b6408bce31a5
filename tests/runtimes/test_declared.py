"""Inputs held against `schema.json`, for code that declares no types itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from algo.contract.declared import declared
from algo_gateway.calls.call import Failure
from algo_gateway.calls.declared import MOST, Declared

from tests.runtimes.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

INTEGER = {"type": "integer"}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "pattern": "^([A-Z]|$)"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "kind": {"enum": ["a", "b"]},
        "scores": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
        "boss": {"$ref": "#/$defs/Boss"},
        "size": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Boss"}]},
        "odd key": {"const": 1},
    },
    "required": ["name"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "$defs": {
        "Boss": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    },
}


def problems(value: object, schema: Any = PERSON, kind: str = "application/json") -> dict[str, str]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        Declared(schema).check(kind, body)
    except Failure as failure:
        assert (failure.status, failure.code) == (400, "invalid_input")
        return {one["path"]: one["message"] for one in failure.problems}
    return {}


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({}, "input.name", "is missing"),
        ([], "input", "expected an object, got an array"),
        ({"name": 5}, "input.name", "expected a string, got integer 5"),
        ({"name": ""}, "input.name", "expected at least 1 character(s), got 0"),
        ({"name": "é"}, "input.name", 'expected what matches ^([A-Z]|$), got string "é"'),
        ({"name": "A", "age": True}, "input.age", "expected an integer, got boolean true"),
        ({"name": "A", "age": 1.5}, "input.age", "expected an integer, got number 1.5"),
        ({"name": "A", "age": -1}, "input.age", "expected at least 0, got integer -1"),
        ({"name": "A", "age": 150}, "input.age", "expected less than 150, got integer 150"),
        ({"name": "A", "kind": "c"}, "input.kind", 'expected one of "a", "b", got string "c"'),
        ({"name": "A", "scores": [1, "x"]}, "input.scores[1]", 'expected a number, got string "x"'),
        ({"name": "A", "scores": [1] * 4}, "input.scores", "expected at most 3 item(s), got 4"),
        ({"name": "A", "boss": {}}, "input.boss.id", "is missing"),
        (
            {"name": "A", "size": {"id": "x"}},
            "input.size.id",
            'expected an integer, got string "x"',
        ),
        ({"name": "A", "size": 3}, "input.size", "fits none of the 2 alternatives, got integer 3"),
        ({"name": "A", "odd key": 2}, 'input["odd key"]', "expected 1, got integer 2"),
        ({"name": "A", "nmae": 2}, "input.nmae", "is not known"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(value: object, path: str, message: str) -> None:
    assert problems(value) == {path: message}


@pytest.mark.parametrize("more", [{}, {"age": 3.0, "x-more": [1], "size": None}])
def test_what_fits_is_let_through(more: dict[str, object]) -> None:
    assert problems({"name": "A", **more}) == {}


@pytest.mark.parametrize(
    ("schema", "value", "path", "message"),
    [
        ({"multipleOf": 0.1}, 0.35, "input", "expected a multiple of 0.1, got number 0.35"),
        ({"multipleOf": 3}, 10, "input", "expected a multiple of 3, got integer 10"),
        ({"not": {"type": "array"}}, [], "input", "expected something else, got an array"),
        (
            {"contains": {"const": 1}},
            ["a", 2],
            "input",
            "none of its items is what one of them has to be",
        ),
        ({"uniqueItems": True}, [1, {"a": [2]}, {"a": [2.0]}], "input[2]", "is the same as item 1"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "input.b", "is missing"),
        (
            {"prefixItems": [{}], "items": False},
            [1, 2],
            "input",
            "expected at most 1 item(s), got 2",
        ),
        (
            {"propertyNames": {"pattern": "^a"}},
            {"z": 1},
            "input.z",
            "is no name that a key may have",
        ),
        (
            {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            1,
            "input",
            "fits more than one of the 2 alternatives, got integer 1",
        ),
        ({"items": False}, [], None, None),
        ({"prefixItems": [True, False]}, [1, 2], "input[1]", "is not allowed"),
        ({"properties": {"a": False}}, {"a": 1}, "input.a", "is not allowed"),
    ],
)
def test_each_rule_has_words_of_its_own(
    schema: Any, value: object, path: str | None, message: str | None
) -> None:
    assert problems(value, schema) == ({path: message} if message else {})


@pytest.mark.parametrize("value", [0.3, 0.7, 1e22, 3, 10**400])
def test_a_multiple_is_one_though_no_double_says_so(value: float) -> None:
    assert problems(value, {"multipleOf": 0.1}) == {}


def test_true_and_one_are_two_items_and_one_and_one_point_nought_are_not() -> None:
    assert problems([1, True, "1", None, 0, False], {"uniqueItems": True}) == {}
    assert problems([1, 1.0], {"uniqueItems": True}) == {"input[1]": "is the same as item 0"}


@pytest.mark.parametrize("depth", [400, 100_000])
def test_what_is_too_deep_to_be_looked_at_is_refused(depth: int) -> None:
    node = {"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"n": {"$ref": "#/$defs/N"}}}}}
    body = b'{"n":' * depth + b"1" + b"}" * depth
    assert list(problems(body, node).values()) == [
        "is nested too deep to be held against schema.json"
    ]


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"pattern": "^(a+)+$"}, b'"' + b"a" * 50_000 + b'!"'),
        ({"patternProperties": {"^(a+)+$": {}}}, b'{"' + b"a" * 50_000 + b'!":1}'),
        (
            {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": True},
            b'{"' + b"a" * 50_000 + b'!":1}',
        ),
        ({"uniqueItems": True}, json.dumps([{"a": n} for n in range(20_000)]).encode()),
    ],
)
@pytest.mark.timeout(20)  # with backtracking, or each item against all others: hours
def test_no_input_takes_longer_than_in_proportion_to_it(schema: Any, body: bytes) -> None:
    problems(body, schema)


def test_no_more_places_are_told_than_one_reads() -> None:
    found = problems([str(n) for n in range(1000)], {"items": {"type": "integer"}})
    assert len(found) == MOST


@pytest.mark.parametrize("body", [b"", b'{"name"', b"\xff"])
def test_what_is_malformed_is_left_to_the_runner(body: bytes) -> None:
    assert problems(body) == {}


def test_text_counts_as_a_string_and_bytes_where_a_string_may_stand() -> None:
    assert problems(b"hello", kind="text/plain") == {
        "input": 'expected an object, got string "hello"'
    }
    assert problems(b"hello", {"type": "string", "maxLength": 4}, "text/plain; charset=utf-8") == {
        "input": "expected at most 4 character(s), got 5"
    }
    assert problems(b"\x89PNG", kind="image/png") == {"input": "expected an object, got 4 bytes"}
    assert problems(b"\x89PNG", {"type": ["string", "null"]}, "image/png") == {}
    assert problems(b"\x89PNG", {"maxLength": 1}, "image/png") == {}
    whole = {"$ref": "#/$defs/A", "$defs": {"A": {"type": ["array", "null"]}}}
    assert problems(b"ab", whole, "image/png") == {
        "input": "expected an array or null, got 2 bytes"
    }


def test_a_service_refuses_such_inputs_by_every_way_in(
    gateway: Callable[..., GatewayProcess],
) -> None:
    service = gateway("def apply(input):\n    return input['name']\n", contract={"input": PERSON})
    assert service.post({"name": "Ada"}).body == b"Ada"
    for path in ("/", "/invoke", "/v1/algo/acme/it"):
        told = service.post({"name": 5}, path).json["error"]["message"]
        assert told.endswith("input.name: expected a string, got integer 5")
    ordered = service.post({}, Prefer="respond-async")
    assert (ordered.status, ordered.code) == (400, "invalid_input")
    asked = {"inputs": [{"name": "age", "datatype": "INT64", "shape": [1], "data": [3]}]}
    assert "input.name: is missing" in service.post(asked, "/v2/models/it/infer").json["error"]
    document = service.ask("GET", "/openapi.json").json
    operation = document["paths"]["/invoke"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["name"]
    assert list(operation["requestBody"]["content"]) == ["application/json"]
    assert schema["properties"]["boss"] == {"$ref": "#/components/schemas/Boss"}
    compared = declared(document).input  # between versions
    assert compared.properties["boss"].required == ("id",)
    assert compared.properties["age"].minimum == 0


def test_types_of_the_code_count_before_the_file(gateway: Callable[..., GatewayProcess]) -> None:
    code = "def apply(input: int):\n    return input + 1\n"
    contract = {"input": {"type": "string"}, "output": {"type": "integer"}}
    service = gateway(code, contract=contract)
    assert service.post(1).json == 2
    operation = service.ask("GET", "/openapi.json").json["paths"]["/invoke"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["type"] == "integer"
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["type"] == "integer"


def test_an_edit_of_the_file_counts_from_the_next_call(
    developed: Callable[..., GatewayProcess],
) -> None:
    service = developed("def apply(input):\n    return 1\n", contract={"input": {"type": "null"}})
    assert service.post(5).code == "invalid_input"
    description = json.loads((service.app / "algorithm.json").read_text())
    description["contract"] = {"input": {"type": "integer"}}
    wanted = {"do": "reload", "token": TOKEN, "changed": [], "description": description}
    outcome = service.control(wanted)
    assert (outcome["ok"], outcome["rung"]) == (True, "limits")
    assert service.post(5).json == 1
    assert service.post(None).code == "invalid_input"
