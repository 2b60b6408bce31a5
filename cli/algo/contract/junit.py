"""JUnit XML: what continuous integration reads, and what pytest writes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from algo.contract.errors import ReportUnwritable, SuiteFailed
from algo.contract.report import CASES, ERROR, FAILED, PASSED, SKIPPED, TESTS, Outcome, TestReport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What XML 1.0 cannot hold, section 2.2 of the recommendation.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {FAILED: "failure", ERROR: "error", SKIPPED: "skipped"}


def write_junit(report: TestReport, path: Path) -> None:
    """Write `report` as JUnit XML to `path`, making its folder when needed.

    Raises:
        ReportUnwritable: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junit(report))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReportUnwritable(f"cannot write the report to {path}: {reason}") from error


def junit(report: TestReport) -> bytes:
    """Return `report` as JUnit XML: one suite for the cases and one for the tests."""
    root = ET.Element("testsuites", _counts(report.name, report.outcomes))
    for part in (CASES, TESTS):
        outcomes = [outcome for outcome in report.outcomes if outcome.part == part]
        suite = ET.SubElement(root, "testsuite", _counts(f"{report.name} {part}", outcomes))
        for outcome in outcomes:
            _add(suite, outcome)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def read_junit(path: Path) -> tuple[Outcome, ...]:
    """Return the outcomes in the file that pytest or another runner wrote, in its order.

    Raises:
        SuiteFailed: It is no JUnit XML.
    """
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError) as error:
        raise SuiteFailed(f"the report of the tests cannot be read: {error}") from error
    return tuple(_outcome(case) for case in root.iter("testcase"))


def _counts(name: str, outcomes: Iterable[Outcome]) -> dict[str, str]:
    found = list(outcomes)
    results = [outcome.result for outcome in found]
    return {
        "name": name,
        "tests": str(len(found)),
        "failures": str(results.count(FAILED)),
        "errors": str(results.count(ERROR)),
        "skipped": str(results.count(SKIPPED)),
        "time": f"{sum(outcome.seconds for outcome in found):.3f}",
    }


def _add(suite: ET.Element, outcome: Outcome) -> None:
    attributes = {
        "classname": _clean(outcome.group),
        "name": _clean(outcome.name),
        "time": f"{outcome.seconds:.3f}",
    }
    case = ET.SubElement(suite, "testcase", attributes)
    tag = _TAGS.get(outcome.result)
    if tag:
        inner = ET.SubElement(case, tag, {"message": _clean(outcome.message)})
        inner.text = _clean(outcome.details) or None
    elif outcome.message:
        ET.SubElement(case, "system-out").text = _clean(outcome.message)


def _outcome(case: ET.Element) -> Outcome:
    for result, tag in _TAGS.items():
        found = case.find(tag)
        if found is not None:
            message = (found.get("message") or "").strip()
            # A test that a module could not even define has no name of its own.
            return _named(case, result, message.splitlines()[0] if message else tag, found.text)
    return _named(case, PASSED, "", "")


def _named(case: ET.Element, result: str, message: str, details: str | None) -> Outcome:
    # pytest names the module with dots, and the class of a test after it.
    group = case.get("classname") or ""
    return Outcome(
        TESTS,
        group,
        # Node's reporter escapes a quote twice.
        (case.get("name") or "").replace("&quot;", '"'),
        result,
        float(case.get("time") or 0),
        message,
        details or "",
    )


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
