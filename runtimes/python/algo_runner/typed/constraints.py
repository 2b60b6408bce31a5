"""`Annotated`: bounds, lengths, patterns and descriptions.

Three forms are understood: a dictionary of JSON Schema's keywords; objects with attributes such
as `gt` or `max_length`, which are annotated-types, `msgspec.Meta` and pydantic's `Field`; and a
string, which describes.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from algo_runner.typed.kinds import BadAnnotation, Compiler, Kind
from algo_runner.typed.problems import Bad, shown

Check = Callable[[Any], bool]

# Attribute of a marker, and keyword of a schema.
_ATTRIBUTES = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
_TEXTS = ("title", "description", "examples")
_COMPARED = {
    "exclusiveMinimum": (operator.gt, "more than"),
    "minimum": (operator.ge, "at least"),
    "exclusiveMaximum": (operator.lt, "less than"),
    "maximum": (operator.le, "at most"),
}
_LEAST = {"minLength", "minItems", "minProperties"}
_MOST = {"maxLength", "maxItems", "maxProperties"}
_LENGTHS = {"string": "Length", "array": "Items", "object": "Properties"}
_UNITS = {"Length": "character(s)", "Items": "item(s)", "Properties": "key(s)"}


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of an annotation with metadata: that of its type, with what they add."""
    if not metadata:
        return None
    kind = compiler.kind(annotation)
    keywords: dict[str, Any] = {}
    checks: list[tuple[Check, str]] = []
    for mark in _flat(metadata):
        keywords |= _keywords(mark)
        if callable(function := getattr(mark, "func", None)):  # annotated_types.Predicate
            checks.append((function, "is refused"))
    keywords = _fitting(keywords, _type_of(kind, compiler))
    for name, value in keywords.items():
        if _says(name, value):
            _written(name, value)
    checks += [check for name, limit in keywords.items() if (check := _check(name, limit))]
    return _constrained(kind, checks, keywords)


def _flat(metadata: tuple[Any, ...]) -> list[Any]:
    found = []
    for mark in metadata:
        inner = getattr(mark, "metadata", None)  # of pydantic's Field
        found += [mark, *inner] if isinstance(inner, list) else [mark]
    return found


def _keywords(mark: Any) -> dict[str, Any]:
    if isinstance(mark, str):
        return {"description": mark}
    if isinstance(mark, dict):
        return dict(mark)
    found: dict[str, Any] = {}
    for name, keyword in _ATTRIBUTES.items():
        value = getattr(mark, name, None)
        if value is not None and not callable(value):
            found[keyword] = value
    for name in _TEXTS:
        if value := getattr(mark, name, None):
            found[name] = value
    if isinstance(about := getattr(mark, "documentation", None), str):  # typing_extensions.Doc
        found["description"] = about
    if isinstance(extra := getattr(mark, "extra_json_schema", None), dict):
        found |= extra
    if not found.get("minLength", 1):
        del found["minLength"]  # "at least none" says nothing
    return found


def _type_of(kind: Kind, compiler: Compiler) -> str:
    schema = kind.schema
    if "$ref" in schema:
        schema = compiler.definitions.get(schema["$ref"].removeprefix("#/$defs/"), {})
    for one in [schema, *schema.get("anyOf", [])]:
        if one.get("type") in _LENGTHS:
            return str(one["type"])
    return ""


def _fitting(keywords: dict[str, Any], kind: str) -> dict[str, Any]:
    """Give lengths the name that they have for strings, arrays or objects."""
    suffix = _LENGTHS.get(kind, "Length")
    return {
        f"{name[:3]}{suffix}" if name in {"minLength", "maxLength"} else name: value
        for name, value in keywords.items()
    }


def _check(name: str, limit: Any) -> tuple[Check, str] | None:
    if name in _COMPARED:
        compare, words = _COMPARED[name]
        return (lambda value: value is None or compare(value, limit)), f"expected {words} {limit}"
    if name in _LEAST | _MOST:
        unit = _UNITS[name[3:]]
        if name in _LEAST:
            return (lambda value: value is None or len(value) >= limit), (
                f"expected at least {limit} {unit}"
            )
        return (lambda value: value is None or len(value) <= limit), (
            f"expected at most {limit} {unit}"
        )
    if name == "multipleOf":
        return (lambda value: value is None or _divides(value, limit)), (
            f"expected a multiple of {limit}"
        )
    if name == "pattern":
        try:
            search = re.compile(getattr(limit, "pattern", limit)).search
        except (re.error, TypeError) as error:
            raise BadAnnotation(f"the pattern {limit!r} is none: {error}") from None
        return (lambda value: value is None or bool(search(value))), (
            f"expected what matches {getattr(limit, 'pattern', limit)}"
        )
    return None


def _divides(value: Any, step: Any) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    rest = math.remainder(value, step)
    return abs(rest) <= 1e-9 * max(abs(value), abs(step))


def _constrained(kind: Kind, checks: list[tuple[Check, str]], keywords: dict[str, Any]) -> Kind:
    inner, whole = kind, kind.whole

    def checked(found: Any) -> Any:
        for holds, words in checks:
            try:
                fine = holds(found)
            except TypeError:
                fine = True  # the bound is not for this member of a union
            if not fine:
                raise Bad(_told(words, found))
        return found

    plain = {name: _plain(value) for name, value in keywords.items() if _says(name, value)}
    made = Kind(**{**vars(kind), "schema": {**kind.schema, **plain}})
    if checks:
        made.convert = lambda value: checked(inner.convert(value))
        made.whole = whole and (lambda body, content_type: checked(whole(body, content_type)))
    elif not inner.is_any:
        # Late: a type that refers to itself is compiled before its conversion is known.
        made.convert = lambda value: inner.convert(value)
    return made


def _told(words: str, value: Any) -> str:
    if words.endswith(tuple(_UNITS.values())):
        return f"{words}, got {len(value)}"
    return f"{words}, got {shown(value)}" if words.startswith("expected") else words


def _says(name: str, value: Any) -> bool:
    """Tell whether a keyword can be in a schema: a bound of dates cannot."""
    return isinstance(_plain(value), int | float) if name in _COMPARED else True


def _written(name: str, value: Any) -> None:
    try:
        json.dumps(_plain(value))
    except (TypeError, ValueError):
        message = f"{name!r} beside the type is {value!r}, which a JSON Schema cannot say"
        raise BadAnnotation(message) from None


def _plain(value: Any) -> Any:
    return getattr(value, "pattern", value)
