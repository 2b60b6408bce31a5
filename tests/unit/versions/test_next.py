from __future__ import annotations

import pytest
from algo.versions.errors import BadVersion
from algo.versions.next import next_version
from algo.versions.version import Bump, Version


def versions(text: str) -> list[Version]:
    return [Version.parse(part) for part in text.split()]


@pytest.mark.parametrize(
    ("published", "bump", "result"),
    [
        ("", Bump.PATCH, "1.0.0"),
        ("", Bump.MAJOR, "1.0.0"),
        ("1.0.0", Bump.PATCH, "1.0.1"),
        ("1.0.0 1.2.0 1.1.0", Bump.MINOR, "1.3.0"),
        ("1.2.0", Bump.MAJOR, "2.0.0"),
        ("0.3.1", Bump.MAJOR, "0.4.0"),
        ("1.0.0 1.1.0-rc.1", Bump.PATCH, "1.0.1"),
        ("1.0.0-rc.1", Bump.PATCH, "1.0.0"),
    ],
)
def test_the_next_version_follows_the_highest_release(
    published: str, bump: Bump, result: str
) -> None:
    assert str(next_version(versions(published), bump)) == result


def test_no_version_is_used_twice() -> None:
    published = versions("1.0.0 1.0.1 1.0.2 2.0.0")
    after = Version.parse("1.0.0")
    assert str(next_version(published, Bump.PATCH, after=after)) == "1.0.3"


def test_pre_releases_are_counted() -> None:
    assert str(next_version([], Bump.PATCH, pre="rc")) == "1.0.0-rc.1"
    published = versions("1.0.0 1.1.0-rc.1 1.1.0-rc.2")
    assert str(next_version(published, Bump.MINOR, pre="rc")) == "1.1.0-rc.3"
    assert str(next_version(published, Bump.MINOR)) == "1.1.0"
    with pytest.raises(BadVersion):
        next_version(published, Bump.MINOR, pre="rc.1+x")
