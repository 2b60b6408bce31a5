"""`TEST_CASES.json`, as the tools that deployed to Algorithmia read it, as golden cases.

Source: the README of algorithmiaio/algorithmia-ci-action.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from algo.contract.case import Assertion, Case, Expected, Holds, Refuses
from algo.contract.document import a, load
from algo.contract.errors import CaseInvalid
from algo.contract.values import Tolerance

if TYPE_CHECKING:
    from algo.contract.values import Json

FILE = "TEST_CASES.json"
_BOUNDS = {"GREATER_OR_EQUAL": "gte", "LESS_OR_EQUAL": "lte"}
_TYPES = ("EXACT_MATCH", *_BOUNDS, "NO_EXCEPTION", "EXCEPTION")


def parse(text: str, where: str) -> tuple[Case, ...]:
    """Return the cases in `text`; a name that comes again gets its number.

    Args:
        text: The content of the file.
        where: What to call it in an error and in a case's `file`.

    Raises:
        CaseInvalid: It is not JSON, or no list of cases.
    """
    document = load(text.removeprefix("\ufeff"), where)
    if not isinstance(document, list):
        raise CaseInvalid(f"{where} is {a(document)}, not a list of cases")
    found: list[Case] = []
    names: set[str] = set()
    for number, item in enumerate(document, start=1):
        case = _case(item, where, number)
        name = case.name if case.name not in names else f"{case.name} ({number})"
        names.add(name)
        found.append(Case(where, name, case.input, case.check, case.tolerance))
    return tuple(found)


def _case(item: Json, where: str, number: int) -> Case:
    place = f"{where}: case {number}"
    if not isinstance(item, dict):
        raise CaseInvalid(f"{place} is {a(item)}, not an object with case_name and input")
    said = item.get("case_name")
    name = said if isinstance(said, str) and said else f"case {number}"
    place = f"{place} ({name!r})"
    if "input" not in item:
        _fail(place, "has no input")
    kind = str(item.get("type") or "EXACT_MATCH").upper()
    if kind not in _TYPES:
        near = difflib.get_close_matches(kind, _TYPES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_TYPES)}"
        _fail(place, f"has the type {item['type']!r}", hint)
    return Case(where, name, item["input"], _check(item, kind, place), _tolerance(item, place))


def _check(item: dict[str, Any], kind: str, place: str) -> Expected | Holds | Refuses:
    if kind == "EXCEPTION":
        return Refuses("")
    if kind == "NO_EXCEPTION":
        return Holds(())
    if "expected_output" not in item:
        _fail(place, f"has no expected_output, which {kind} compares with")
    wanted, path = item["expected_output"], _path(item.get("tree"), place)
    if kind in _BOUNDS:
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            _fail(place, f"expected_output is {a(wanted)}, not a number, for {kind}")
        return Holds((Assertion(path, _BOUNDS[kind], wanted),))
    return Holds((Assertion(path, "equals", wanted),)) if path else Expected(wanted)


def _path(tree: Json, place: str) -> str:
    """Return the way that `tree`, a list of keys and positions, leads into the answer."""
    if tree is None or tree == "":
        return ""
    if not isinstance(tree, list):
        _fail(place, f"tree is {a(tree)}, not a list of keys")
    for step in tree:
        position = isinstance(step, int) and not isinstance(step, bool) and step >= 0
        if not position and not (isinstance(step, str) and step and "." not in step):
            _fail(place, f"tree has {step!r}, which is no key without a dot, and no position")
    return ".".join(map(str, tree))


def _tolerance(item: dict[str, Any], place: str) -> Tolerance:
    value = item.get("tolerance")
    if value is None:
        return Tolerance()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e308:
        _fail(place, f"tolerance is {a(value)}, not a number from 0")
    return Tolerance(float(value), 0.0)


def _fail(place: str, reason: str, hint: str | None = None) -> NoReturn:
    raise CaseInvalid(f"{place}: {reason}", hint=hint)
