"""The version that a publish gets."""

from __future__ import annotations

import pytest
from algo.publish.choose import choose
from algo.publish.errors import VersionTooLow
from algo.versions.version import Version

FIRST, SECOND = Version(1, 0, 0), Version(1, 1, 0)


def test_the_first_version_may_be_asked_for() -> None:
    assert choose((), Version(0, 9, 0), None, ()).reason == "the first version, as asked for"


@pytest.mark.parametrize("wanted", ["0.9.0", "1.0.0-rc.1"])
def test_a_version_below_all_that_are_there_is_refused(wanted: str) -> None:
    with pytest.raises(VersionTooLow, match=f"{wanted} is below 1.0.0, the lowest version"):
        choose((FIRST, SECOND), Version.parse(wanted), None, ())


def test_an_older_line_may_go_on() -> None:
    chosen = choose((FIRST, SECOND), Version(1, 0, 1), None, ())
    assert chosen.version == Version(1, 0, 1)
    assert "after 1.0.0 patch is enough" in chosen.reason
