"""JSON values: how they are named by a path, compared and shown."""

from __future__ import annotations

import json
import math
from typing import TypeAlias

from algo.values import Value

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SHOWN = 80


class Tolerance(Value, frozen=True):
    """How far numbers may be apart: `absolute`, or `relative` to the expected one.

    The default forgives what another processor's rounding makes of the same computation.
    """

    absolute: float = 1e-9
    relative: float = 1e-6

    def allows(self, expected: float, got: float) -> bool:
        """Tell whether `got` is near enough."""
        if expected == got:
            return True
        try:
            distance = abs(float(expected) - float(got))
        except OverflowError:
            return False
        allowed = max(self.absolute, self.relative * abs(float(expected)))
        return math.isfinite(distance) and distance <= allowed


EXACT = Tolerance(0.0, 0.0)


class Difference(Value, frozen=True):
    """The first place where two values differ; `path` is empty for the whole value."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"at {self.path}: {self.text}" if self.path else self.text


class NoSuchPath(LookupError):
    """A path leads nowhere in a value; the message says where it ended."""


def look_up(value: Json, path: str) -> Json:
    """Return the part of `value` at `path`: keys and list positions, separated by dots.

    The empty path is the whole value: `probabilities.3` is the fourth of a list.

    Raises:
        NoSuchPath: There is nothing of this path.
    """
    here: Json = value
    passed: list[str] = []
    for part in path.split(".") if path else ():
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            place = ".".join(passed) or "the answer"
            raise NoSuchPath(f"{place} has no {part!r}: it is {shown(here)}")
        passed.append(part)
    return here


def first_difference(
    expected: Json, got: Json, tolerance: Tolerance, path: str = ""
) -> Difference | None:
    """Return the first place where `got` is not `expected`, None when they agree.

    Numbers are compared within `tolerance`, and 1 is 1.0; `true` is no number.
    """
    if _is_number(expected) and _is_number(got):
        if tolerance.allows(_number(expected), _number(got)):
            return None
    elif isinstance(expected, dict) and isinstance(got, dict):
        return _in_objects(expected, got, tolerance, path)
    elif isinstance(expected, list) and isinstance(got, list):
        return _in_lists(expected, got, tolerance, path)
    elif type(expected) is type(got) and expected == got:
        return None
    return Difference(path, f"expected {shown(expected)}, got {shown(got)}")


def _in_objects(
    expected: dict[str, Json], got: dict[str, Json], tolerance: Tolerance, path: str
) -> Difference | None:
    for key, value in expected.items():
        if key not in got:
            return Difference(path, f"{key!r} is missing")
        found = first_difference(value, got[key], tolerance, _join(path, key))
        if found:
            return found
    extra = [key for key in got if key not in expected]
    return Difference(path, f"{extra[0]!r} was not expected") if extra else None


def _in_lists(
    expected: list[Json], got: list[Json], tolerance: Tolerance, path: str
) -> Difference | None:
    if len(expected) != len(got):
        return Difference(path, f"expected {len(expected)} items, got {len(got)}")
    for at, (wanted, value) in enumerate(zip(expected, got, strict=True)):
        found = first_difference(wanted, value, tolerance, _join(path, str(at)))
        if found:
            return found
    return None


def shown(value: Json) -> str:
    """Return `value` as JSON, cut to a length that fits in a sentence."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def kind(value: Json) -> str:
    """Return the JSON Schema type of `value`."""
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Json) -> float:
    assert isinstance(value, int | float)
    return value


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
