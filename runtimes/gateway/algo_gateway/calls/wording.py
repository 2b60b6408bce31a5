"""What is wrong with a value, in the words that the runners have for their types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema import ValidationError

_SHOWN = 40
_MANY = 20
TYPES = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}
_VALUES: Mapping[str, Callable[[Any], str]] = {
    "minimum": lambda limit: f"expected at least {limit}",
    "maximum": lambda limit: f"expected at most {limit}",
    "exclusiveMinimum": lambda limit: f"expected more than {limit}",
    "exclusiveMaximum": lambda limit: f"expected less than {limit}",
    "multipleOf": lambda step: f"expected a multiple of {step}",
    "pattern": lambda pattern: f"expected what matches {pattern}",
    "type": lambda types: f"expected {any_type([types] if isinstance(types, str) else types)}",
    "enum": lambda values: f"expected {_one_of(values)}",
    "const": lambda value: f"expected {_one_of([value])}",
    "not": lambda _: "expected something else",
    "oneOf": lambda several: f"fits more than one of the {len(several)} alternatives",
}
_LENGTHS: Mapping[str, Callable[[Any], str]] = {
    "minLength": lambda limit: f"expected at least {limit} character(s)",
    "maxLength": lambda limit: f"expected at most {limit} character(s)",
    "minItems": lambda limit: f"expected at least {limit} item(s)",
    "maxItems": lambda limit: f"expected at most {limit} item(s)",
    "minProperties": lambda limit: f"expected at least {limit} key(s)",
    "maxProperties": lambda limit: f"expected at most {limit} key(s)",
}
# Of an array: how many items fit a schema of their own.
_FITTING: Mapping[str, Callable[[Any], str]] = {
    "contains": lambda _: "none of its items is what one of them has to be",
    "minContains": lambda limit: f"expected at least {limit} item(s) like one, got fewer",
    "maxContains": lambda limit: f"expected at most {limit} item(s) like one, got more",
}

Problem = tuple[str, str]


def problems(error: ValidationError) -> Iterator[Problem]:
    """Give the place and the fault that an error tells, or those inside it that say more."""
    path, rule = place(error.absolute_path), str(error.validator)
    said: Any = error.validator_value
    value: Any = error.instance
    schema: Any = error.schema
    if rule in {"anyOf", "oneOf"} and error.context:
        yield from _closest(error, path)
    elif rule in _VALUES:
        yield path, f"{_VALUES[rule](said)}, got {shown(value)}"
    elif rule in _LENGTHS:
        yield path, f"{_LENGTHS[rule](said)}, got {len(value)}"
    elif rule in _FITTING:
        yield path, _FITTING[rule](said)
    elif rule == "items" and said is False:
        most = len(schema.get("prefixItems", ()))
        yield path, f"{_LENGTHS['maxItems'](most)}, got {len(value)}"
    else:  # a rule of our own, or a schema that is false
        yield path, error.message if rule != "None" else "is not allowed"


def _closest(error: ValidationError, path: str) -> Iterator[Problem]:
    """Give what is wrong within the only alternative whose outside fits, else that none does."""
    tried: dict[Any, list[Problem]] = {}
    for one in error.context:
        tried.setdefault(one.schema_path[0], []).extend(problems(one))
    within = [found for found in tried.values() if all(at != path for at, _ in found)]
    if len(within) == 1:
        yield from within[0]
        return
    yield path, f"fits none of the {len(tried)} alternatives, got {shown(error.instance)}"


def place(path: Iterable[str | int]) -> str:
    """Return `input.image[3][2]`."""
    return "input" + "".join(_step(one) for one in path)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{_cut(_json(key))}]"


def any_type(types: Iterable[str]) -> str:
    """Return `an integer or null`."""
    return " or ".join(TYPES.get(one, one) for one in types)


def _one_of(values: list[Any]) -> str:
    told = [_cut(_json(one)) for one in values[:_MANY]]
    return told[0] if len(told) == 1 else f"one of {', '.join(told)}"


def shown(value: Any) -> str:
    """Return a value by the name of its type in JSON: `string "x"`, `null`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    kind = next(name for known, name in kinds if isinstance(value, known))
    return f"{kind} {_cut(_json(value[: _SHOWN * 2] if isinstance(value, str) else value))}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
