"""The schema that an algorithm's annotations declare, as `/openapi.json` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from algo.contract.schema import Schema
from algo.contract.values import kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CALL = "/invoke"
_JSON = "application/json"
_SHARED = "#/components/schemas/"
_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "pattern": "pattern",
}


class Declared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is declared of an input and of a result; a side of which nothing is, is not known."""

    input: Schema = Schema()
    output: Schema = Schema()


def declared(document: Any) -> Declared:
    """Return what an OpenAPI document of ours declares; nothing where it has another form."""
    try:
        call = document["paths"][_CALL]["post"]
        given = call["requestBody"]["content"].get(_JSON, {}).get("schema", {})
        answer = call["responses"]["200"]["content"].get(_JSON, {}).get("schema", {})
        names = document["components"]["schemas"]
        return Declared(_read(given, names, ()), _read(answer, names, ()))
    except (KeyError, TypeError, AttributeError, RecursionError):
        return Declared()


def _read(schema: Any, names: Mapping[str, Any], within: tuple[str, ...]) -> Schema:
    """Return the small form; of a type inside itself nothing is known."""
    if not isinstance(schema, dict):
        return Schema()
    reference = schema.get("$ref", "")
    if reference.startswith(_SHARED):
        name = reference.removeprefix(_SHARED)
        return Schema() if name in within else _read(names[name], names, (*within, name))
    if "anyOf" in schema:
        return _any_of([_read(one, names, within) for one in schema["anyOf"]])
    values = tuple(schema["enum"]) if "enum" in schema else ()
    values = (schema["const"],) if "const" in schema else values
    types = schema.get("type", sorted({kind(value) for value in values}))
    properties = schema.get("properties", {})
    inner = [*schema.get("prefixItems", ()), *([schema["items"]] if "items" in schema else [])]
    items = _any_of([_read(one, names, within) for one in inner])
    return Schema(
        type=(types,) if isinstance(types, str) else tuple(sorted(types)),
        properties={name: _read(properties[name], names, within) for name in sorted(properties)},
        required=tuple(sorted(schema.get("required", ()))),
        items=items if items.known else None,
        enum=values,
        **{field: schema[name] for name, field in _BOUNDS.items() if name in schema},
    )


def _any_of(several: Iterable[Schema]) -> Schema:
    """Return what all of `several` allow together; unknown where one of them is."""
    found = list(several)
    if not found or not all(one.known for one in found):
        return Schema()
    if len(found) == 1:
        return found[0]
    other = [one for one in found if one.type != ("null",)]
    types = {name for one in found for name in one.type}
    if "number" in types:
        types.discard("integer")
    if len(other) == 1:  # a value or null
        nullable = (*other[0].enum, None) if other[0].enum else ()
        return msgspec.structs.replace(other[0], type=tuple(sorted(types)), enum=nullable)
    objects = [one for one in found if "object" in one.type]
    required = set(objects[0].required if objects else ())
    for one in objects:
        required &= set(one.required)
    keys = sorted({key for one in objects for key in one.properties})
    items = _any_of([one.items for one in found if one.items is not None])
    return Schema(
        type=tuple(sorted(types)),
        properties={
            key: _any_of([one.properties[key] for one in objects if key in one.properties])
            for key in keys
        },
        required=tuple(sorted(required)),
        items=items if items.known else None,
        enum=tuple(value for one in found for value in one.enum) if _closed(found) else (),
    )


def _closed(several: Iterable[Schema]) -> bool:
    return all(one.enum for one in several)
