"""`schema.json`: what code that has no types of its own takes and returns."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from algo.project.errors import SchemaInvalid
from algo.project.strict import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "schema.json"
SIDES = ("input", "output")
# What both sides may refer to, and what says something to readers and editors alone.
_SHARED = "$defs"
_KNOWN = (*SIDES, _SHARED, "$schema", "title", "description")
_LOCAL = f"#/{_SHARED}/"
# What a component of an OpenAPI document may be called, which each of them becomes.
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_FORM = 'its form is {"input": {"type": …}, "output": {"type": …}}: each a JSON Schema, or left out'
_RE2 = "write it as RE2 reads it: no looking around, no back-references"
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
# Keywords with a schema or a list of them, and those with schemas by name.
_SCHEMAS = (
    *("additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "else", "if", "items"),
    *("not", "oneOf", "prefixItems", "propertyNames", "then"),
)
_OF_SCHEMAS = ("$defs", "dependentSchemas", "patternProperties", "properties")
_KEYWORDS = (
    *(*_SCHEMAS, *_OF_SCHEMAS, "$comment", "$ref", "$schema", "const", "contentEncoding"),
    *("contentMediaType", "default", "dependentRequired", "deprecated", "description", "enum"),
    *("examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems"),
    *("maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength"),
    *("minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required", "title", "type"),
    *("uniqueItems", "writeOnly"),
)
_ELSEWHERE = f"a reference leads to {_LOCAL}NAME alone"
_LEFT_OUT = {
    **dict.fromkeys(("$anchor", "$dynamicAnchor", "$dynamicRef", "$id"), _ELSEWHERE),
    "unevaluatedItems": 'with prefixItems, "items": false says the same',
    "unevaluatedProperties": "additionalProperties says the same of the properties beside it",
}


def read_declaration(root: Path) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of each side that the project at `root` declares.

    Either may be missing, and both are where there is no such file.

    Raises:
        SchemaInvalid: It is no JSON (line and column are named), or no schema (the place is).
    """
    path = root / FILE
    if not path.is_symlink() and not path.exists():
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


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        text = f"{FILE} cannot be read: {(error.strerror or str(error)).lower()}"
        raise SchemaInvalid(text, hint=f"make {FILE} a file, or take it away") from error
    except UnicodeDecodeError as error:
        text = f"{FILE} is not UTF-8 at byte {error.start}"
        raise SchemaInvalid(text, hint="save it as UTF-8") from error
    return load(text, FILE, SchemaInvalid)


def _side(side: str, schema: Any, shared: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise SchemaInvalid(f"{FILE}: {side} holds no object", hint=_FORM)
    names = {**shared, **schema.get(_SHARED, {})}
    for name in names:
        if not _NAME.fullmatch(name):
            text = f"{FILE}: {_SHARED} has the name {name!r}"
            raise SchemaInvalid(text, hint="use letters, digits, dots, hyphens and underscores")
    whole = {**schema, _SHARED: names} if names else schema
    _check(side, whole)
    for one in _schemas(whole):
        _check_keywords(side, one)
        reference = one.get("$ref", f"{_LOCAL}{next(iter(names), '')}")
        if reference.removeprefix(_LOCAL) not in (names or {""}):
            text = f"{FILE}: {side} refers to {reference!r}, which is not there"
            known = ", ".join(f"{_LOCAL}{name}" for name in names) or f"{_LOCAL}NAME"
            raise SchemaInvalid(text, hint=f"refer to {known}")
    return whole


def _check(side: str, schema: dict[str, Any]) -> None:
    """Hold a schema against that of schemas."""
    # Takes a tenth of a second: only projects with such a file wait for it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    error = best_match(meta.iter_errors(schema))
    if error is None:
        return
    place = ".".join((side, *map(str, error.absolute_path)))
    said = json.dumps(error.instance, ensure_ascii=False)
    if error.absolute_path and error.absolute_path[-1] == "type":
        near = difflib.get_close_matches(str(error.instance), _TYPES, n=1)
        also = f"did you mean {near[0]}?" if near else f"the types are {', '.join(_TYPES)}"
        raise SchemaInvalid(f"{FILE}: {place} is {said}, which is no type", hint=also)
    if error.validator == "type":
        wanted: Any = error.validator_value
        kinds = [wanted] if isinstance(wanted, str) else wanted
        raise SchemaInvalid(f"{FILE}: {place} is {said}, which is no {' or '.join(kinds)}")
    raise SchemaInvalid(f"{FILE}: {place}: {error.message}")


def _check_keywords(side: str, schema: dict[str, Any]) -> None:
    """Refuse what would be overlooked, and what cannot be held to."""
    for key in schema:
        if key in _LEFT_OUT:
            text = f"{FILE}: {side} has {key}, which is not known here"
            raise SchemaInvalid(text, hint=f"leave out {key}: {_LEFT_OUT[key]}")
        near = difflib.get_close_matches(key, _KEYWORDS, n=1, cutoff=0.75)
        if near and key not in _KEYWORDS:
            text = f"{FILE}: {side} has no keyword {key!r}"
            raise SchemaInvalid(text, hint=f"did you mean {near[0]}?")
    import re2

    options = re2.Options()
    options.log_errors = False
    for pattern in (*([schema["pattern"]] if "pattern" in schema else ()), *_patterns(schema)):
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            text = f"{FILE}: {side} has the pattern {pattern!r}, which cannot be read: {_of(error)}"
            raise SchemaInvalid(text, hint=_RE2) from error


def _patterns(schema: dict[str, Any]) -> Iterator[str]:
    yield from schema.get("patternProperties", {})


def _of(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Give a schema, and those inside it."""
    if not isinstance(schema, dict):
        return  # true or false
    yield schema
    for name, value in schema.items():
        if name in _OF_SCHEMAS:
            inner = value.values()
        elif name in _SCHEMAS:
            inner = value if isinstance(value, list) else [value]
        else:
            continue
        for one in inner:
            yield from _schemas(one)
