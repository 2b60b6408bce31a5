"""An input made from a JSON Schema, to be shown where no case has one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from algo.contract.errors import AlgorithmGone
from algo.contract.http import HttpAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema.exceptions import ValidationError

# Longer ones help nobody, and a type inside itself never ends.
_LONGEST = 2000
_DEEPEST = 20
# It answers already, without its code.
_PATIENCE = 0.0
_FORMATS = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com",
    "uuid": "12345678-1234-4234-8234-123456789abc",
}
# Keywords that try regular expressions.
_PATTERNED = ("pattern", "patternProperties", "additionalProperties", "unevaluatedProperties")
_GIVEN = ("examples", "enum")
_ALONE = ("default", "const")


class _Impossible(Exception):
    """There is no telling what would be taken."""


def example(schema: Mapping[str, Any]) -> Any:
    """Return a value that `schema` allows, None where none could be made.

    References lead into `schema`, and nowhere else.
    """
    try:
        _check(schema)
        found = _Maker(schema).value(schema, 0)
    except (_Impossible, ArithmeticError):
        return None
    return found if len(str(found)) <= _LONGEST and _allows(schema, found) else None


def example_of(url: str) -> Any:
    """Return an input that the service at `url` says it takes, None where it does not say it."""
    try:
        with HttpAlgorithm(url, _PATIENCE) as service:
            found = service.document()
        call = found["paths"]["/invoke"]["post"]["requestBody"]
        schema = call["content"]["application/json"]["schema"]
        return example({**schema, "components": found["components"]}) if schema else None
    except (AlgorithmGone, KeyError, TypeError):
        return None


def _check(schema: Mapping[str, Any]) -> None:
    # Nothing else of a command needs it, and its import takes a while.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        raise _Impossible from error


def _allows(schema: Mapping[str, Any], value: Any) -> bool:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # Somebody else's schema chooses neither what we fetch nor how long an expression is tried.
    unchecked = dict.fromkeys(_PATTERNED, _unchecked)
    local: Any = extend(Draft202012Validator, unchecked)  # type: ignore[no-untyped-call]
    try:
        return bool(local(schema, registry=Registry()).is_valid(value))
    except (Unresolvable, RecursionError, ArithmeticError):
        return False


def _unchecked(*asked: object) -> Iterator[ValidationError]:
    yield from ()


class _Maker:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def value(self, schema: Any, depth: int) -> Any:
        if depth > _DEEPEST or not isinstance(schema, dict):
            raise _Impossible
        for name in _GIVEN:
            if schema.get(name):
                return schema[name][0]
        for name in _ALONE:
            if schema.get(name) is not None:
                return schema[name]
        if "$ref" in schema:
            return self.value(self._at(schema["$ref"]), depth + 1)
        for name in ("anyOf", "oneOf", "allOf"):
            if name in schema:
                return self._first(schema[name], depth)
        kinds = schema.get("type", "object" if "properties" in schema else "")
        if isinstance(kinds, list):
            return self._first(({**schema, "type": kind} for kind in kinds), depth)
        make = getattr(self, f"_{kinds}", None)
        if make is None:
            raise _Impossible
        return make(schema, depth)

    def _first(self, several: Iterable[Any], depth: int) -> Any:
        null = False
        for one in several:
            if isinstance(one, dict) and one.get("type") == "null":
                null = True
                continue
            try:
                return self.value(one, depth + 1)
            except _Impossible:
                continue
        if null:
            return None
        raise _Impossible

    def _at(self, reference: str) -> Any:
        place: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, dict) or name not in place:
                raise _Impossible
            place = place[name]
        return place

    def _object(self, schema: Mapping[str, Any], depth: int) -> Any:
        properties = schema.get("properties", {})
        wanted = schema.get("required", ())
        return {name: self.value(properties.get(name), depth + 1) for name in wanted}

    def _array(self, schema: Mapping[str, Any], depth: int) -> Any:
        found = [self.value(one, depth + 1) for one in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0)
        # An empty list is taken, and then often refused by the code.
        count = max(least, min(1, schema.get("maxItems", 1)))
        if len(found) < count and "items" in schema:
            try:
                one = self.value(schema["items"], depth + 1)
            except _Impossible:
                if least:
                    raise
            else:
                found += [one] * min(count - len(found), _LONGEST)
        return found

    def _string(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "pattern" in schema or "contentEncoding" in schema or "contentMediaType" in schema:
            raise _Impossible
        if "format" in schema:
            if schema["format"] not in _FORMATS:
                raise _Impossible
            return _FORMATS[schema["format"]]
        found = "text".ljust(min(schema.get("minLength", 0), _LONGEST), "t")
        return found[: schema.get("maxLength", len(found))]

    def _integer(self, schema: Mapping[str, Any], depth: int) -> Any:
        return int(self._number(schema, depth, whole=True))

    def _number(self, schema: Mapping[str, Any], depth: int, *, whole: bool = False) -> Any:
        least, most = schema.get("minimum"), schema.get("maximum")
        over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        step = schema.get("multipleOf")
        ends = [one for one in (least, most, over, under) if one is not None]
        near = [near for one in ends for near in (one, one + 1, one - 1)]
        middle = [sum(ends) / len(ends)] if ends else []
        for found in (1, 0, *([step] if step else []), *near, *middle):
            if (
                (least is None or found >= least)
                and (most is None or found <= most)
                and (over is None or found > over)
                and (under is None or found < under)
                and (not step or math.isclose(found / step, round(found / step)))
                and (not whole or found == int(found))
            ):
                return found
        raise _Impossible

    def _boolean(self, schema: Mapping[str, Any], depth: int) -> Any:
        return True

    def _null(self, schema: Mapping[str, Any], depth: int) -> Any:
        return None
