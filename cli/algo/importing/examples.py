"""An input that an algorithm may take, made up from the schema that it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo.contract.schema import Schema
    from algo.contract.values import Json

# What bytes are declared as: a file cannot be made up.
_FILE = "base64"


class NotMadeUp(ValueError):
    """A required part has a form that nothing can be made up for."""


def made_up(schema: Schema) -> tuple[Json, ...]:
    """Return an input with the required parts only, none where one cannot be made up."""
    try:
        return (_value(schema),)
    except NotMadeUp:
        return ()


def _value(schema: Schema) -> Json:
    if schema.enum:
        first: Json = schema.enum[0]
        return first
    kinds = set(schema.type)
    if "object" in kinds:
        return {name: _value(schema.properties[name]) for name in schema.required}
    if "string" in kinds:
        return _text(schema)
    if kinds & {"integer", "number"}:
        return _number(schema, whole="number" not in kinds)
    if "boolean" in kinds:
        return True
    if "array" in kinds:
        least = schema.min_items or 1
        return [] if schema.items is None else [_value(schema.items)] * least
    if "null" in kinds:
        return None
    raise NotMadeUp


def _text(schema: Schema) -> str:
    if schema.pattern:
        raise NotMadeUp
    text = "a text"
    text = text.ljust(schema.min_length or 0, ".")
    return text[: schema.max_length] if schema.max_length is not None else text


def _number(schema: Schema, *, whole: bool) -> Json:
    if schema.minimum is not None:
        value = schema.minimum
    elif schema.exclusive_minimum is not None:
        value = schema.exclusive_minimum + 1
    elif schema.maximum is not None:
        value = min(1.0, schema.maximum)
    else:
        value = 1.0
    return int(value) if whole else value
