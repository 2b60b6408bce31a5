from __future__ import annotations

import pytest
from algo.versions.errors import BadVersion
from algo.versions.ranges import Range
from algo.versions.version import Version

TAGS = "0.0.3 0.1.0 0.1.9 0.2.0 1.0.0 1.2.2 1.2.3 1.3.0 1.10.0 2.0.0 2.1.0-rc.1"
PUBLISHED = [Version.parse(text) for text in TAGS.split(" ")]


@pytest.mark.parametrize(
    ("text", "highest"),
    [
        ("latest", "2.0.0"),
        ("", "2.0.0"),
        ("*", "2.0.0"),
        ("1", "1.10.0"),
        ("1.x", "1.10.0"),
        ("1.2", "1.2.3"),
        ("1.2.*", "1.2.3"),
        ("^1.2", "1.10.0"),
        ("^1.2.3", "1.10.0"),
        ("^1", "1.10.0"),
        ("~1.2.3", "1.2.3"),
        ("~1.2", "1.2.3"),
        ("~1", "1.10.0"),
        ("^0.1.0", "0.1.9"),
        ("^0.0.3", "0.0.3"),
        ("^0.0", "0.0.3"),
        ("^0", "0.2.0"),
        ("1.2.2", "1.2.2"),
        ("2.1.0-rc.1", "2.1.0-rc.1"),
        ("^2.1.0-rc.0", "2.1.0-rc.1"),
        ("^3", None),
        ("9.9.9", None),
    ],
)
def test_a_range_means_what_npm_means(text: str, highest: str | None) -> None:
    found = Range.parse(text).highest(PUBLISHED)
    assert (str(found) if found else None) == highest


def test_latest_is_a_pre_release_where_there_is_nothing_else() -> None:
    only = Version.parse("1.0.0-rc.1")
    assert Range.parse("latest").highest([only]) == only
    assert Range.parse("1.x").highest([only]) is None


@pytest.mark.parametrize("text", ["^", "~", "1.x.3", ">=1", "^v1", "1.2.3.4", "main", "^latest"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BadVersion):
        Range.parse(text)
