"""Read the files in `cases/`: strictly, naming the file and the place of what is wrong."""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from algo.contract import algorithmia
from algo.contract.case import (
    FOLDER,
    AnyCase,
    Assertion,
    Case,
    Example,
    Expected,
    Holds,
    Labelled,
    Refuses,
)
from algo.contract.document import a, load
from algo.contract.errors import CaseInvalid
from algo.contract.metrics import METRICS
from algo.contract.values import Tolerance

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from algo.contract.values import Json

_CHECKS = ("expected", "assert", "error")
_CASE = ("name", "input", *_CHECKS, "tolerance", "stable")
_LABELLED = ("name", "metric", "floor", "ceiling", "path", "examples", "stable")
_KINDS: dict[str, tuple[type, ...]] = {
    "equals": (object,),
    "gt": (int, float),
    "gte": (int, float),
    "lt": (int, float),
    "lte": (int, float),
    "contains": (object,),
    "matches": (str,),
    "length": (int,),
    "type": (str,),
}
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


def read_cases(project: Path) -> tuple[AnyCase, ...]:
    """Return the cases of the folder `project`, by file and position; () when it has none.

    They are in `cases/`, and in `TEST_CASES.json` as Algorithmia's tools read it.

    Raises:
        CaseInvalid: A file is not UTF-8, not JSON, or holds something else than cases.
        OSError: The folder or a file of it may not be read.
    """
    folder, cases = project / FOLDER, list[AnyCase]()
    files = folder.iterdir() if folder.is_dir() else ()
    old = [project / algorithmia.FILE] if (project / algorithmia.FILE).is_file() else []
    for path in [*sorted(file for file in files if file.suffix == ".json"), *old]:
        where = path.relative_to(project).as_posix()
        parse = algorithmia.parse if path in old else parse_cases
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise CaseInvalid(
                f"{where} is not UTF-8 at byte {error.start}", hint="save it as UTF-8"
            ) from error
        cases += parse(text, where)
    return tuple(cases)


def first_input(project: Path) -> Any:
    """Return the input of the first case that has an answer, None without one.

    Cases that cannot be read are left to `algo test` to complain about.
    """
    try:
        cases = read_cases(project)
    except (CaseInvalid, OSError):
        return None
    taken = [c.input for c in cases if isinstance(c, Case) and not isinstance(c.check, Refuses)]
    taken += [case.examples[0].input for case in cases if isinstance(case, Labelled)]
    return taken[0] if taken else None


def parse_cases(text: str, where: str) -> tuple[AnyCase, ...]:
    """Return the cases in `text`: one object, or a list of them.

    Args:
        text: The content of the file.
        where: What to call it in an error and in a case's `file`.

    Raises:
        CaseInvalid: It is not JSON (line and column are named), or no case.
    """
    document = load(text, where)
    many = isinstance(document, list)
    found: list[AnyCase] = []
    names: set[str] = set()
    for number, item in enumerate(document if many else [document], start=1):
        place = f"{where}: case {number}" if many else where
        stem = where.rsplit("/", 1)[-1].removesuffix(".json")
        case = _Reader(place, item).read(where, f"{stem} {number}" if many else stem)
        if case.name in names:
            raise CaseInvalid(f"{place}: another case of this file is called {case.name!r}")
        names.add(case.name)
        found.append(case)
    return tuple(found)


class _Reader:
    """Reads one case; `place` begins every message."""

    def __init__(self, place: str, item: Any) -> None:
        if not isinstance(item, dict):
            raise CaseInvalid(f"{place} is {a(item)}, not an object with input and expected")
        name = item.get("name")
        self.item: dict[str, Any] = item
        self.place = f"{place} ({name!r})" if isinstance(name, str) else place

    def read(self, file: str, default_name: str) -> AnyCase:
        name = self._typed("name", str, default_name)
        if "metric" in self.item or "examples" in self.item:
            return self._labelled(file, name)
        self._known(self.item, _CASE)
        checks = [key for key in _CHECKS if key in self.item]
        if "input" not in self.item:
            self._fail("has no input")
        if len(checks) != 1:
            self._fail(f"has {' and '.join(checks) or 'none'} of expected, assert and error")
        return Case(
            file,
            name,
            self.item["input"],
            self._check(checks[0]),
            self._tolerance(),
            self._typed("stable", bool, False),
        )

    def _check(self, key: str) -> Expected | Holds | Refuses:
        wanted = self.item[key]
        if key == "expected":
            return Expected(wanted)
        if key == "assert":
            return self._assertions(wanted)
        if isinstance(wanted, str):
            return Refuses(wanted)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("code"), str):
            self._fail('error is neither a code nor {"code": …, "message": …}')
        self._known(wanted, ("code", "message"), "error ")
        if not isinstance(wanted.get("message", ""), str):
            self._fail(f"error message is {a(wanted['message'])}, not a string")
        return Refuses(wanted["code"], wanted.get("message", ""))

    def _assertions(self, wanted: Json) -> Holds:
        items = wanted if isinstance(wanted, list) else [wanted]
        if not items:
            self._fail("assert is empty")
        found: list[Assertion] = []
        for number, item in enumerate(items, start=1):
            place = f"assert {number} " if isinstance(wanted, list) else "assert "
            if not isinstance(item, dict):
                self._fail(f"{place}is {a(item)}, not an object")
            self._known(item, ("path", *_KINDS), place)
            path = item.get("path", "")
            if not isinstance(path, str):
                self._fail(f"{place}path is {a(path)}, not a string")
            operands = [(key, value) for key, value in item.items() if key != "path"]
            if not operands:
                self._fail(f"{place}demands nothing; known: {', '.join(_KINDS)}")
            found += [self._assertion(place, path, key, value) for key, value in operands]
        return Holds(tuple(found))

    def _assertion(self, place: str, path: str, key: str, operand: Json) -> Assertion:
        wanted = _KINDS[key]
        boolean = isinstance(operand, bool) and object not in wanted
        if boolean or not isinstance(operand, wanted):
            self._fail(f"{place}{key} is {a(operand)}, not a {wanted[-1].__name__}")
        if key == "type" and operand not in _TYPES:
            self._fail(f"{place}type is {operand!r}; known: {', '.join(_TYPES)}")
        if key == "matches":
            try:
                re.compile(str(operand))
            except re.error as error:
                self._fail(f"{place}matches is no regular expression: {error}")
        return Assertion(path, key, operand)

    def _labelled(self, file: str, name: str) -> Labelled:
        self._known(self.item, _LABELLED)
        metric = self._typed("metric", str, None)
        if metric not in METRICS:
            self._fail(f"has no metric {metric!r}", f"known: {', '.join(METRICS)}")
        wanted, other = METRICS[metric].bound, METRICS[metric].other
        if other in self.item or wanted not in self.item:
            self._fail(f"{metric} takes a {wanted}")
        examples = self._typed("examples", list, None)
        if not examples:
            self._fail("examples is empty")
        return Labelled(
            file,
            name,
            metric,
            self._number(self.item[wanted], wanted),
            self._typed("path", str, ""),
            tuple(self._example(at, item, metric) for at, item in enumerate(examples, start=1)),
            self._typed("stable", bool, False),
        )

    def _example(self, number: int, item: Json, metric: str) -> Example:
        place = f"example {number} "
        if not isinstance(item, dict):
            self._fail(f"{place}is {a(item)}, not an object with input and label")
        self._known(item, ("input", "label"), place)
        for key in ("input", "label"):
            if key not in item:
                self._fail(f"{place}has no {key}")
        if METRICS[metric].numeric:
            self._number(item["label"], f"{place}label")
        return Example(item["input"], item["label"])

    def _tolerance(self) -> Tolerance:
        wanted = self.item.get("tolerance")
        if "tolerance" not in self.item:
            return Tolerance()
        if not isinstance(wanted, dict):
            return Tolerance(self._number(wanted, "tolerance"), 0.0)
        self._known(wanted, ("abs", "rel"), "tolerance ")
        absolute = self._number(wanted.get("abs", 0), "tolerance abs")
        return Tolerance(absolute, self._number(wanted.get("rel", 0), "tolerance rel"))

    def _number(self, value: Json, what: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(f"{what} is {a(value)}, not a number")
        if not abs(value) <= sys.float_info.max:
            self._fail(f"{what} is too large a number")
        return float(value)

    def _typed(self, key: str, wanted: type, default: Any) -> Any:
        value = self.item.get(key, default)
        if not isinstance(value, wanted):
            reason = f"is {a(value)}, not a {wanted.__name__}" if key in self.item else "is missing"
            self._fail(f"{key} {reason}")
        return value

    def _known(self, item: Mapping[str, Any], known: Collection[str], within: str = "") -> None:
        for key in item:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
                self._fail(f"{within}has no key {key!r}", hint)

    def _fail(self, reason: str, hint: str | None = None) -> NoReturn:
        raise CaseInvalid(f"{self.place}: {reason}", hint=hint)
