"""What annotations declare is read from the OpenAPI document, and compared where both have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from algo.contract.compare import compare, minimum_bump
from algo.contract.declared import Declared, declared
from algo.contract.record import Contract
from algo.contract.schema import Schema, infer

if TYPE_CHECKING:
    from algo.contract.values import Json


def document(given: Any, answer: Any = None, **names: Any) -> dict[str, Any]:
    call = {
        "requestBody": {"content": {"application/json": {"schema": given}}},
        "responses": {"200": {"content": {"application/json": {"schema": answer or {}}}}},
    }
    return {"paths": {"/invoke": {"post": call}}, "components": {"schemas": names}}


def contract(given: Any, answer: Any = None) -> Contract:
    return Contract(declared=declared(document(given, answer)))


def test_references_are_followed_once_and_alternatives_are_put_together() -> None:
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "next": {"anyOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]},
            "how": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]},
            "size": {"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]},
            "row": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
        },
        "required": ["name"],
    }
    found = declared(document({"$ref": "#/components/schemas/Node"}, {"type": "string"}, Node=node))
    assert found.output == Schema(type=("string",))
    assert found.input == Schema(
        type=("object",),
        properties={
            "how": Schema(type=("null", "string"), enum=("a", "b", None)),
            "name": Schema(type=("string",), min_length=1),
            "next": Schema(),
            "row": Schema(type=("array",), items=Schema(type=("number",)), max_items=3),
            "size": Schema(type=("number", "string")),
        },
        required=("name",),
    )
    assert Contract.decode(Contract(declared=found).encode()).declared == found
    assert msgspec.json.decode(msgspec.json.encode(found.input))["properties"]["name"] == {
        "type": ["string"],
        "minLength": 1,
    }


@pytest.mark.parametrize("strange", [None, {}, {"paths": []}, document({"$ref": "#/x"}), [1]])
def test_another_document_declares_nothing(strange: Any) -> None:
    assert declared(strange) == Declared()


@pytest.mark.parametrize(
    ("old", "new", "given", "answer"),
    [
        ({"type": "integer"}, {"type": "number"}, "minor", "major"),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, "minor", "major"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "major", "minor"),
        ({"enum": ["a"]}, {"type": "string"}, "minor", "major"),
        ({"type": "string"}, {"enum": ["a"]}, "major", "minor"),
        ({"type": "number", "minimum": 0}, {"type": "number", "minimum": 1}, "major", "minor"),
        ({"type": "number", "minimum": 0}, {"type": "number", "minimum": -1}, "minor", "major"),
        ({"type": "number"}, {"type": "number", "maximum": 9}, "major", "minor"),
        ({"type": "string", "maxLength": 3}, {"type": "string"}, "minor", "major"),
        ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}, "major", "major"),
        ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "a"}, "patch", "patch"),
        ({"type": "array", "maxItems": 2}, {"type": "array", "maxItems": 3}, "minor", "major"),
    ],
)
def test_less_taken_or_more_given_than_declared_is_major(
    old: Any, new: Any, given: str, answer: str
) -> None:
    assert minimum_bump(compare(contract(old), contract(new))) == given
    assert minimum_bump(compare(contract({}, old), contract({}, new))) == answer


def test_what_the_cases_show_counts_only_where_nothing_is_declared() -> None:
    one: list[Json] = [{"a": 1}]
    both: list[Json] = [{"a": 1, "b": 2}]
    seen, more = Contract(input=infer(one)), Contract(input=infer(both))
    assert [found.rule for found in compare(seen, more)] == ["required_input_added"]
    side = declared(document({"type": "object", "properties": {"a": {"type": "integer"}}}))
    old = msgspec.structs.replace(seen, declared=side)
    new = msgspec.structs.replace(more, declared=side)
    assert compare(old, new) == ()
    assert [found.rule for found in compare(seen, new)] == ["required_input_added"]
