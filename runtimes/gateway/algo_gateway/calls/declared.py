"""Inputs held against the project's `schema.json` (JSON Schema 2020-12).

For code that declares no types itself. A form is not looked at: its fields are text until the
algorithm reads them.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft202012Validator
from referencing import Registry

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema import ValidationError

# Who sends ten thousand wrong numbers does not read ten thousand lines.
MOST = 20
_SHOWN = 40
_JSON = ("application/json", "application/x-www-form-urlencoded", "")
_FORM = "application/vnd.algo.parts"
_TYPES = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}
_LIMITS: Mapping[str, Callable[[Any], str]] = {
    "minimum": lambda limit: f"expected at least {limit}",
    "maximum": lambda limit: f"expected at most {limit}",
    "exclusiveMinimum": lambda limit: f"expected more than {limit}",
    "exclusiveMaximum": lambda limit: f"expected less than {limit}",
    "multipleOf": lambda limit: f"expected a multiple of {limit}",
    "pattern": lambda limit: f"expected what matches {limit}",
}
_LENGTHS: Mapping[str, Callable[[Any], str]] = {
    "minLength": lambda limit: f"expected at least {limit} character(s)",
    "maxLength": lambda limit: f"expected at most {limit} character(s)",
    "minItems": lambda limit: f"expected at least {limit} item(s)",
    "maxItems": lambda limit: f"expected at most {limit} item(s)",
    "minProperties": lambda limit: f"expected at least {limit} key(s)",
    "maxProperties": lambda limit: f"expected at most {limit} key(s)",
}

Problem = tuple[str, str]


class Declared:
    """Tells whether a body is what `schema`, of an input, says.

    Nothing is fetched for a reference: one that leads out of the schema is the schema's fault.
    """

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        self._schema = schema
        self._validator = Draft202012Validator(schema, registry=Registry())

    def check(self, kind: str, body: bytes) -> None:
        """Refuse a body that is something else; one that is malformed is left to the runner.

        Args:
            kind: The content type.
            body: JSON, text or bytes.

        Raises:
            Failure: 400, `invalid_input`, with the first problems and their places.
        """
        name = kind.partition(";")[0].strip().lower()
        try:
            if name in _JSON or name.endswith("+json"):
                self._refuse(self._problems(msgspec.json.decode(body)))
            elif name.startswith("text/"):
                self._refuse(self._problems(body.decode()))
            elif name != _FORM and "string" not in self._types:
                what = _any_of(_TYPES[one] for one in self._types if one in _TYPES)
                self._refuse([("input", f"expected {what}, got {len(body)} bytes")])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # it says where

    @property
    def _types(self) -> list[str]:
        said = self._schema.get("type") if not isinstance(self._schema, bool) else None
        if said is None:
            return ["string"]  # nothing is said, or not here
        return [said] if isinstance(said, str) else list(said)

    def _problems(self, value: Any) -> list[Problem]:
        found = (one for error in self._validator.iter_errors(value) for one in _told(error))
        # A key that is missing is told once for each of those that are.
        return list(dict.fromkeys(islice(found, MOST + 1)))

    def _refuse(self, problems: list[Problem]) -> None:
        if not problems:
            return
        told = [{"path": path, "message": text[:500]} for path, text in problems[:MOST]]
        lines = [f"{one['path']}: {one['message']}" for one in told]
        if len(problems) > MOST:
            lines.append("these are the first; there may be more")
        raise Failure(400, "invalid_input", "\n".join(lines), problems=told)


def _told(error: ValidationError) -> Iterator[Problem]:
    """Give what an error says, in the words that the runners have for their types."""
    path, rule = _place(error.absolute_path), str(error.validator)
    said: Any = error.validator_value
    value: Any = error.instance
    schema: Any = error.schema
    if rule == "required":
        for name in said:
            if name not in value:
                yield f"{path}{_step(name)}", "is missing"
    elif rule == "type":
        kinds = [said] if isinstance(said, str) else said
        what = _any_of(_TYPES.get(one, one) for one in kinds)
        yield path, f"expected {what}, got {_shown(value)}"
    elif rule in {"enum", "const"}:
        values = [_cut(_json(one)) for one in (said if rule == "enum" else [said])]
        what = values[0] if len(values) == 1 else f"one of {', '.join(values[:MOST])}"
        yield path, f"expected {what}, got {_shown(value)}"
    elif rule in _LIMITS:
        yield path, f"{_LIMITS[rule](said)}, got {_shown(value)}"
    elif rule in _LENGTHS:
        yield path, f"{_LENGTHS[rule](said)}, got {len(value)}"
    elif rule in {"anyOf", "oneOf"} and error.context:
        yield from _closest(error, path)
    elif rule == "additionalProperties" and said is False:
        patterns = schema.get("patternProperties", {})
        for name in value:
            if name not in schema.get("properties", {}) and not _matches(name, patterns):
                yield f"{path}{_step(name)}", "is not known"
    elif error.validator is None or said is False:
        yield path, "is not allowed"
    else:
        yield path, _cut(error.message, 200)


def _closest(error: ValidationError, path: str) -> Iterator[Problem]:
    """Give what is wrong within the only alternative whose outside fits, else that none does."""
    tried: dict[Any, list[Problem]] = {}
    for one in error.context:
        tried.setdefault(one.schema_path[0], []).extend(_told(one))
    within = [found for found in tried.values() if all(place != path for place, _ in found)]
    if len(within) == 1:
        yield from within[0]
        return
    yield path, f"fits none of the {len(tried)} alternatives, got {_shown(error.instance)}"


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(re.search(one, name) for one in patterns)


def _place(path: Iterable[str | int]) -> str:
    return "input" + "".join(_step(one) for one in path)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{_cut(_json(key))}]"


def _any_of(words: Iterable[str]) -> str:
    return " or ".join(words)


def _shown(value: Any) -> str:
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


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
