from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from algo.contract import report
from algo.contract.errors import ReportUnwritable, SuiteFailed
from algo.contract.junit import junit, read_junit, write_junit
from algo.contract.record import Contract

if TYPE_CHECKING:
    from pathlib import Path

REPORT = report.TestReport(
    "acme/x",
    (
        report.Outcome("cases", "cases/a.json", "good", "passed", 0.25, "accuracy 0.9 of 10"),
        report.Outcome("cases", "cases/a.json", "bad <&> \x00\x1b", "failed", 0.5, 'got "1"'),
        report.Outcome("tests", "tests.test_a", "test_b", "error", 1, "boom", "Traceback\n  x"),
        report.Outcome("tests", "tests.test_a", "test_c", "skipped", 0, "not today"),
    ),
    Contract(),
)


def test_both_parts_are_suites_with_their_counts() -> None:
    root = ET.fromstring(junit(REPORT))
    assert root.tag == "testsuites"
    shown = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors")) for s in root]
    assert shown == [("acme/x cases", "2", "1", "0"), ("acme/x tests", "2", "0", "1")]
    assert (root.get("tests"), root.get("skipped"), root.get("time")) == ("4", "1", "1.750")


def test_each_outcome_is_a_case_with_its_reason() -> None:
    good, bad, error, skipped = ET.fromstring(junit(REPORT)).iter("testcase")
    assert good.findtext("system-out") == "accuracy 0.9 of 10"
    failure = bad.find("failure")
    assert failure is not None
    assert failure.get("message") == 'got "1"'
    assert error.findtext("error") == "Traceback\n  x"
    assert skipped.find("skipped") is not None


def test_what_xml_cannot_hold_is_replaced() -> None:
    names = [case.get("name") for case in ET.fromstring(junit(REPORT)).iter("testcase")]
    assert names[1] == "bad <&> ��"


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    write_junit(REPORT, tmp_path / "reports" / "algo.xml")
    read = read_junit(tmp_path / "reports" / "algo.xml")
    assert [outcome.result for outcome in read] == ["passed", "failed", "error", "skipped"]
    assert read[2].details == "Traceback\n  x"


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportUnwritable, match="cannot write the report"):
        write_junit(REPORT, tmp_path / "file" / "x.xml")


def test_what_is_no_xml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text("no xml")
    with pytest.raises(SuiteFailed):
        read_junit(tmp_path / "x.xml")


def test_a_quote_that_node_escapes_twice_is_a_quote(tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_text('<testsuites><testcase name="{&amp;quot;a&amp;quot;:1}"/></testsuites>')
    assert [one.name for one in read_junit(file)] == ['{"a":1}']
