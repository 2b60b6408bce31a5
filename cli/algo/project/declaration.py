"""`schema.json`: what code that has no types of its own takes and returns."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from algo.project.errors import SchemaInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "schema.json"
SIDES = ("input", "output")
# What both sides may refer to, and what says something to readers and editors alone.
_SHARED = "$defs"
_KNOWN = (*SIDES, _SHARED, "$schema", "title", "description")
_LOCAL = f"#/{_SHARED}/"
# Keywords with a schema or a list of them, and those with schemas by name.
_SCHEMAS = (
    *("additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "else", "if", "items"),
    *("not", "oneOf", "prefixItems", "propertyNames", "then", "unevaluatedItems"),
    "unevaluatedProperties",
)
_OF_SCHEMAS = ("$defs", "dependentSchemas", "patternProperties", "properties")


def read_declaration(root: Path) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of each side that the project at `root` declares.

    Either may be missing, and both are where there is no such file.

    Raises:
        SchemaInvalid: It is no JSON (line and column are named), or no schema (the place is).
    """
    path = root / FILE
    if not path.is_file():
        return {}
    document = _load(path)
    if not isinstance(document, dict):
        raise SchemaInvalid(f"{FILE} holds no object", hint=_FORM)
    for key in document:
        if key not in _KNOWN:
            near = difflib.get_close_matches(key, _KNOWN, n=1)
            hint = f"did you mean {near[0]}?" if near else _FORM
            raise SchemaInvalid(f"{FILE} has no key {key!r}", hint=hint)
    shared = document.get(_SHARED, {})
    if not isinstance(shared, dict):
        raise SchemaInvalid(f"{FILE}: {_SHARED} holds no object")
    return {side: _side(side, document[side], shared) for side in SIDES if side in document}


_FORM = 'its form is {"input": {"type": …}, "output": {"type": …}}: each a JSON Schema, or left out'


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        text = f"{FILE} is not UTF-8 at byte {error.start}"
        raise SchemaInvalid(text, hint="save it as UTF-8") from error
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        text = f"{FILE}:{error.lineno}:{error.colno} is not JSON: {reason}"
        raise SchemaInvalid(text) from error
    except RecursionError as error:
        raise SchemaInvalid(f"{FILE} is nested too deeply") from error


def _side(side: str, schema: Any, shared: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise SchemaInvalid(f"{FILE}: {side} holds no object", hint=_FORM)
    names = {**shared, **schema.get(_SHARED, {})}
    whole = {**schema, _SHARED: names} if names else schema
    _check(side, whole)
    for pattern in _patterns(whole):
        try:
            re.compile(pattern)
        except re.error as error:
            text = f"{FILE}: {side} has the pattern {pattern!r}, which cannot be read: {error}"
            raise SchemaInvalid(text, hint="write it as Python's re reads it") from error
    for reference in _values(whole, "$ref"):
        if reference.removeprefix(_LOCAL) not in names or not reference.startswith(_LOCAL):
            text = f"{FILE}: {side} refers to {reference!r}, which is not there"
            known = ", ".join(f"{_LOCAL}{name}" for name in names) or f"{_LOCAL}NAME"
            raise SchemaInvalid(text, hint=f"refer to {known}")
    return whole


def _check(side: str, schema: dict[str, Any]) -> None:
    # Takes a tenth of a second: only projects with such a file wait for it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    error = best_match(meta.iter_errors(schema))
    if error is None:
        return
    place = ".".join((side, *map(str, error.absolute_path)))
    if error.absolute_path and error.absolute_path[-1] == "type":
        types = ("null", "boolean", "integer", "number", "string", "array", "object")
        text = f"{FILE}: {place} is {json.dumps(error.instance)}, which is no type"
        near = difflib.get_close_matches(str(error.instance), types, n=1)
        also = f"did you mean {near[0]}?" if near else f"the types are {', '.join(types)}"
        raise SchemaInvalid(text, hint=also)
    raise SchemaInvalid(f"{FILE}: {place}: {error.message}")


def _patterns(schema: Any) -> Iterator[str]:
    yield from _values(schema, "pattern")
    for named in _values(schema, "patternProperties"):
        yield from named


def _values(schema: Any, keyword: str) -> Iterator[Any]:
    """Give what stands at `keyword` in `schema` and in the schemas inside it."""
    if isinstance(schema, bool):
        return
    if keyword in schema:
        yield schema[keyword]
    for name, value in schema.items():
        if name in _OF_SCHEMAS:
            inner = value.values()
        elif name in _SCHEMAS:
            inner = value if isinstance(value, list) else [value]
        else:
            continue
        for one in inner:
            yield from _values(one, keyword)
