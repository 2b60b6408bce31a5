"""The version that a publish gets."""

from __future__ import annotations

import pytest
from algo.contract.compare import Finding, Level
from algo.publish.choose import check_order, choose
from algo.publish.errors import VersionTooLow
from algo.versions.version import Bump, Version

FIRST, SECOND = Version(1, 0, 0), Version(1, 1, 0)


def test_the_first_version_may_be_asked_for() -> None:
    assert choose((), Version(0, 9, 0), None, ()).reason == "the first version, as asked for"


@pytest.mark.parametrize("wanted", ["0.9.0", "1.0.0-rc.1"])
def test_a_version_below_all_that_are_there_is_refused(wanted: str) -> None:
    with pytest.raises(VersionTooLow, match=f"{wanted} is below 1.0.0, the lowest version"):
        choose((FIRST, SECOND), Version.parse(wanted), None, ())


def test_what_is_too_low_whatever_changed_is_known_before_anything_is_built() -> None:
    with pytest.raises(VersionTooLow, match=r"is below 1\.0\.0"):
        check_order((FIRST, SECOND), Version(0, 9, 0), None)
    check_order((FIRST, SECOND), FIRST, None)
    check_order((FIRST,), None, None)


def test_an_older_line_may_go_on() -> None:
    chosen = choose((FIRST, SECOND), Version(1, 0, 1), None, ())
    assert chosen.version == Version(1, 0, 1)
    assert "after 1.0.0 patch is enough" in chosen.reason


GONE = (Finding("output_removed", "output.digit", Level.MAJOR, "is gone"),)


@pytest.mark.parametrize(
    ("wanted", "bump", "lower"),
    [(Version(1, 1, 1), None, "1.1.1"), (None, Bump.MINOR, "1.2.0"), (None, Bump.PATCH, "1.1.1")],
)
def test_a_step_that_is_too_low_wants_a_reason(
    wanted: Version | None, bump: Bump | None, lower: str
) -> None:
    with pytest.raises(VersionTooLow) as caught:
        choose((FIRST, SECOND), wanted, bump, GONE)
    assert caught.value.hint == "algo publish --bump major, or add --allow-breaking REASON"
    chosen = choose((FIRST, SECOND), wanted, bump, GONE, "nobody reads it")
    assert (str(chosen.version), chosen.overridden) == (lower, "nobody reads it")
    assert chosen.reason == (
        "asked for; after 1.1.0 it would be major, as output.digit is gone: nobody reads it"
    )


def test_a_reason_that_is_not_needed_is_not_kept() -> None:
    chosen = choose((FIRST,), None, Bump.MAJOR, GONE, "nobody reads it")
    assert (chosen.version, chosen.overridden) == (Version(2, 0, 0), "")
