"""JSON Schema's keywords whose time a caller could make as long as he likes, or that need care.

`jsonschema` compares each item with all others, and matches patterns by backtracking. Here both
take time in proportion to the input: items by a hash, patterns by RE2.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import re2
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not matches(pattern, value):
        yield ValidationError(f"expected what matches {pattern}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    for pattern, below in patterns.items():
        for key, item in value.items():
            if matches(pattern, key):
                yield from _below(validator, item, below, key)


def _properties(
    validator: Any, named: Mapping[str, Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for key, below in named.items():
            if key in value:
                yield from _below(validator, value[key], below, key)


def _prefix_items(
    validator: Any, first: list[Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(value, "array"):
        for at, (item, below) in enumerate(zip(value, first, strict=False)):
            yield from _below(validator, item, below, at)


def _below(validator: Any, value: Any, schema: Any, at: str | int) -> Iterator[ValidationError]:
    # Of what a schema is false for, the package does not say where it is.
    if schema is False:
        yield ValidationError("is not allowed", path=[at])
    else:
        yield from validator.descend(value, schema, path=at, schema_path=at)


def _additional_properties(
    validator: Any, below: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    patterns = tuple(schema.get("patternProperties", {}))
    known = schema.get("properties", {})
    for key, item in value.items():
        if key in known or any(matches(pattern, key) for pattern in patterns):
            continue
        if below is False:
            yield ValidationError("is not known", path=[key])
        else:
            yield from validator.descend(item, below, path=key)


def _unique_items(
    validator: Any, unique: bool, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not unique or not validator.is_type(value, "array"):
        return
    seen: dict[Any, int] = {}
    for at, item in enumerate(value):
        first = seen.setdefault(_hashable(item), at)
        if first != at:
            yield ValidationError(f"is the same as item {first}", path=[at])


def _hashable(value: Any) -> Any:
    """Return what is equal for values that JSON Schema takes for equal: 1 and 1.0, not true."""
    if isinstance(value, dict):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return ("boolean", value) if isinstance(value, bool) else value


def _multiple_of(validator: Any, step: float, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "number") and not _divides(value, step):
        yield ValidationError(f"expected a multiple of {step}")


def _divides(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        # 0.3 is three times 0.1, though no double is.
        rest = math.remainder(value, step)
    except OverflowError:  # an integer beyond all doubles
        return Fraction(value) % Fraction(repr(step)) == 0
    return abs(rest) <= 1e-9 * max(abs(value), abs(step))


def _dependent_required(
    validator: Any, dependent: Mapping[str, Iterable[str]], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    for key, wanted in dependent.items():
        for name in wanted if key in value else ():
            if name not in value:
                yield ValidationError("is missing", path=[name])


def _required(
    validator: Any, wanted: Iterable[str], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in wanted:
            if name not in value:
                yield ValidationError("is missing", path=[name])


def _property_names(
    validator: Any, below: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        names = validator.evolve(schema=below)
        for key in value:
            if not names.is_valid(key):
                yield ValidationError("is no name that a key may have", path=[key])


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a part of `text` matches `pattern`, in time in proportion to `text`.

    Raises:
        ValueError: RE2 cannot read the pattern, or the text holds half a surrogate pair.
    """
    try:
        return _compiled(pattern).search(text) is not None
    except re2.error as error:
        raise ValueError(f"{pattern}: {error}") from None


Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "additionalProperties": _additional_properties,
        "dependentRequired": _dependent_required,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "prefixItems": _prefix_items,
        "properties": _properties,
        "propertyNames": _property_names,
        "required": _required,
        "uniqueItems": _unique_items,
    },
)
