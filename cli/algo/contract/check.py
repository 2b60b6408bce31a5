"""Hold an answer against what its case demands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.contract.case import Assertion, Expected, Refuses
from algo.contract.interface import Fault
from algo.contract.values import NoSuchPath, first_difference, kind, look_up, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.contract.case import Case
    from algo.contract.interface import Answer
    from algo.contract.values import Json, Tolerance


def complaint(case: Case, got: Answer | Fault) -> str:
    """Return in one line why `got` is not what `case` demands, empty when it is."""
    if isinstance(case.check, Refuses):
        return _refusal(case.check, got)
    if isinstance(got, Fault):
        return f"answered with the error {got.code}: {got.message}"
    if isinstance(case.check, Expected):
        difference = first_difference(case.check.value, got.value, case.tolerance)
        return str(difference) if difference else ""
    failed = (_broken(demand, got.value, case.tolerance) for demand in case.check.assertions)
    return next(filter(None, failed), "")


def _refusal(wanted: Refuses, got: Answer | Fault) -> str:
    if not isinstance(got, Fault):
        which = f"the error {wanted.code}" if wanted.code else "an error"
        return f"expected {which}, got {shown(got.value)}"
    if wanted.code and got.code != wanted.code:
        return f"expected the error {wanted.code}, got {got.code}: {got.message}"
    if wanted.message not in got.message:
        return f"the message of {got.code} lacks {wanted.message!r}: {got.message}"
    return ""


def _broken(demand: Assertion, answer: Json, tolerance: Tolerance) -> str:
    try:
        got = look_up(answer, demand.path)
    except NoSuchPath as error:
        return str(error)
    if demand.kind == "equals":
        difference = first_difference(demand.operand, got, tolerance, demand.path)
        return str(difference) if difference else ""
    if _KINDS[demand.kind](got, demand.operand):
        return ""
    place = f"at {demand.path}: " if demand.path else ""
    return f"{place}expected {_WORDS[demand.kind]} {shown(demand.operand)}, got {shown(got)}"


def _compares(holds: Callable[[float, float], bool]) -> Callable[[Json, Json], bool]:
    def check(got: Json, operand: Json) -> bool:
        if isinstance(got, bool) or not isinstance(got, int | float):
            return False
        return isinstance(operand, int | float) and holds(got, operand)

    return check


def _contains(got: Json, operand: Json) -> bool:
    if isinstance(got, str | dict):
        return isinstance(operand, str) and operand in got
    return isinstance(got, list) and operand in got


def _matches(got: Json, operand: Json) -> bool:
    return isinstance(got, str) and re.search(str(operand), got) is not None


def _has_length(got: Json, operand: Json) -> bool:
    return isinstance(got, str | list | dict) and len(got) == operand


def _has_type(got: Json, operand: Json) -> bool:
    return operand in {kind(got), "number" if kind(got) == "integer" else kind(got)}


_KINDS: dict[str, Callable[[Json, Json], bool]] = {
    "gt": _compares(lambda got, bound: got > bound),
    "gte": _compares(lambda got, bound: got >= bound),
    "lt": _compares(lambda got, bound: got < bound),
    "lte": _compares(lambda got, bound: got <= bound),
    "contains": _contains,
    "matches": _matches,
    "length": _has_length,
    "type": _has_type,
}
_WORDS = {
    "gt": "more than",
    "gte": "at least",
    "lt": "less than",
    "lte": "at most",
    "contains": "something with",
    "matches": "a string like",
    "length": "a length of",
    "type": "the type",
}
