"""What a test does where its machine lacks what it needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.conftest import pytest_runtest_setup
from tests.machine.lacking import lacking

ABSENT = "no-such-program"


def test_what_is_lacking_fails_in_ci_and_is_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(Failed, match="no engine"):
        lacking("no engine")
    monkeypatch.delenv("CI")
    with pytest.raises(Skipped, match="no engine"):
        lacking("no engine")


def test_a_program_that_a_mark_names_may_not_be_lacking_in_ci(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    request.node.add_marker(pytest.mark.program("python"))
    pytest_runtest_setup(request.node)
    request.node.add_marker(pytest.mark.program("python", ABSENT))
    with pytest.raises(Failed, match=f"{ABSENT} is not installed"):
        pytest_runtest_setup(request.node)
    monkeypatch.delenv("CI")
    with pytest.raises(Skipped):
        pytest_runtest_setup(request.node)
