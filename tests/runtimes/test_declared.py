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


def test_no_more_places_are_told_than_one_reads() -> None:
    found = problems([str(n) for n in range(1000)], {"items": {"type": "integer"}})
    assert len(found) == MOST


@pytest.mark.parametrize("body", [b"", b'{"name"', b"\xff", b"[" * 100_000])
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
