"""Ranges of versions: `^1.2`, `~1.2.3`, `1.x`, `1`, `latest`, or one exact version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.values import Value
from algo.versions.errors import BadVersion
from algo.versions.version import LONGEST, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

LATEST = "latest"
_PARTIAL = re.compile(
    r"(0|[1-9][0-9]{0,8})(?:\.(0|[1-9][0-9]{0,8}|[xX*]))?(?:\.(0|[1-9][0-9]{0,8}|[xX*]))?"
)


class Range(Value, frozen=True):
    """The versions from `low` to below `high`; `exact` is one version and nothing else."""

    text: str
    low: Version
    high: Version | None = None
    exact: bool = False

    @classmethod
    def parse(cls, text: str) -> Range:
        """Parse a range, with npm's meaning of `^` and `~`.

        Raises:
            BadVersion: `text` is neither a range nor a version.
        """
        if text in {"", LATEST, "*", "x", "X"}:
            return cls(text or LATEST, Version(0, 0, 0))
        sign = text[0] if text[0] in "^~" else ""
        rest = text[1:] if sign else text
        low, given = _low(rest, text)
        if not sign and given == 3:
            return cls(text, low, exact=True)
        return cls(text, low, _above(low, given, sign))

    def contains(self, version: Version) -> bool:
        """Say whether `version` is in the range.

        A pre-release is only in a range that names a pre-release of the same release.
        """
        if self.exact:
            return version == self.low
        if version.pre and (not self.low.pre or version.release != self.low.release):
            return False
        return self.low <= version and (self.high is None or version < self.high)

    def highest(self, versions: Iterable[Version]) -> Version | None:
        """Return the highest of `versions` in the range; `None` when there is none.

        `latest` is a pre-release where a name has nothing else.
        """
        known = list(versions)
        found = [version for version in known if self.contains(version)]
        if not found and self.text == LATEST:
            found = known
        return max(found, default=None)


def _low(rest: str, text: str) -> tuple[Version, int]:
    """Return the lower end and how many numbers were given."""
    match = _PARTIAL.fullmatch(rest) if len(rest) <= LONGEST else None
    if match is None:
        try:
            return Version.parse(rest), 3
        except BadVersion as error:
            raise BadVersion(f"{text[:LONGEST]!r} is neither a version nor a range") from error
    numbers = []
    for part in match.groups():
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    given = len(numbers)
    if match[2] and not match[2].isdigit() and match[3] and match[3].isdigit():
        raise BadVersion(f"{text!r} has a number after its {match[2]!r}")
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Version(major, minor, patch), given


def _above(low: Version, given: int, sign: str) -> Version:
    """Return the first version that is not in the range any more."""
    next_major = Version(low.major + 1, 0, 0)
    next_minor = Version(low.major, low.minor + 1, 0)
    if sign != "^":
        return next_major if given == 1 else next_minor
    # npm: `^` keeps the left-most number that is not zero.
    if low.major or given == 1:
        return next_major
    if low.minor or given == 2:
        return next_minor
    return Version(0, 0, low.patch + 1)
