"""The version that a publish gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.versions.errors import BadVersion
from algo.versions.version import Bump, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = Version(1, 0, 0)


def next_version(
    published: Iterable[Version], bump: Bump, *, after: Version | None = None, pre: str = ""
) -> Version:
    """Return the next version of a name.

    Args:
        published: Every version the name has, yanked ones too: none is used twice.
        bump: At least how much it is raised. In 0.y.z a breaking change raises the minor.
        after: The version it is compared with; the highest release when not given (or the
            highest pre-release when there is no release).
        pre: The first part of a pre-release, `rc`: the result is the next `-rc.N`.

    Raises:
        BadVersion: `pre` is no pre-release part.
    """
    known = set(published)
    if not known and after is None:
        target = FIRST
    else:
        releases = [version for version in known if not version.pre]
        start = after or max(releases or known)
        if start.major == 0 and bump is Bump.MAJOR:
            bump = Bump.MINOR
        target = start.bumped(bump)
        while target in known:
            target = target.bumped(Bump.PATCH)
    if not pre:
        return target
    if not pre.isalpha() or not pre.isascii():
        raise BadVersion(f"{pre!r} does not begin a pre-release", hint="write --pre rc")
    number = 1
    while (found := Version(target.major, target.minor, target.patch, (pre, str(number)))) in known:
        number += 1
    return found
