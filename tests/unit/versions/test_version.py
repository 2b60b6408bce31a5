from __future__ import annotations

from itertools import pairwise

import pytest
from algo.versions.errors import BadVersion
from algo.versions.version import Bump, Version, versions_in

# The order of semver.org 2.0.0, section 11.
ORDERED = [
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]


def test_versions_are_ordered_as_semver_says() -> None:
    versions = [Version.parse(text) for text in ORDERED]
    assert sorted(reversed(versions)) == versions
    assert all(a < b for a, b in pairwise(versions))


@pytest.mark.parametrize("text", ORDERED)
def test_a_version_reads_back_as_it_was_written(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "v1.2.3",
        "01.2.3",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3+build",
        "1.2.3 ",
        "1.2.-3",
        "1٣.2.3",
    ],
)
def test_what_is_no_version_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadVersion) as caught:
        Version.parse(text)
    assert caught.value.exit_code == 2
    assert "1.2.3" in caught.value.hint


def test_a_version_has_bounds() -> None:
    for text in ("9" * 40 + ".0.0", "1.2.3-" + "a" * 200):
        with pytest.raises(BadVersion):
            Version.parse(text)


@pytest.mark.parametrize(
    ("start", "bump", "result"),
    [
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("1.2.3-rc.1", Bump.PATCH, "1.2.3"),
        ("1.3.0-rc.1", Bump.MINOR, "1.3.0"),
        ("1.3.1-rc.1", Bump.MINOR, "1.4.0"),
        ("2.0.0-rc.1", Bump.MAJOR, "2.0.0"),
        ("2.1.0-rc.1", Bump.MAJOR, "3.0.0"),
    ],
)
def test_a_bump_gives_the_next_release(start: str, bump: Bump, result: str) -> None:
    assert str(Version.parse(start).bumped(bump)) == result


def test_a_bump_is_read_from_its_name_and_larger_ones_win() -> None:
    assert Bump.parse("minor") is Bump.MINOR
    assert max(Bump.PATCH, Bump.MAJOR, Bump.MINOR) is Bump.MAJOR
    assert str(Bump.MAJOR) == "major"
    with pytest.raises(BadVersion):
        Bump.parse("huge")


def test_other_tags_are_not_versions() -> None:
    found = versions_in(["latest", "1.10.0", "1.2.0", "main", "1.2"])
    assert [str(version) for version in found] == ["1.2.0", "1.10.0"]
