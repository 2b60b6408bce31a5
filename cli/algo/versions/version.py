"""Semantic versions (semver.org 2.0.0): parsed, ordered, raised."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import total_ordering

from algo.versions.errors import BadVersion

# Without build metadata: a registry's tag can't hold the `+`.
_FORM = re.compile(
    r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(?:-((?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    r"(?:\.(?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
)
LONGEST = 128


class Bump(IntEnum):
    """How much a version is raised; a larger one includes the smaller."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3

    @classmethod
    def parse(cls, text: str) -> Bump:
        """Parse `patch`, `minor` or `major`.

        Raises:
            BadVersion: `text` is something else.
        """
        try:
            return cls[text.upper()]
        except KeyError:
            raise BadVersion(
                f"{text!r} is no bump", hint="write --bump patch, minor or major"
            ) from None

    def __str__(self) -> str:
        return self.name.lower()


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; `pre` is the pre-release's parts, `("rc", "1")`."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse `1.2.3` or `1.2.3-rc.1`.

        Raises:
            BadVersion: `text` has another form, or build metadata.
        """
        match = _FORM.fullmatch(text) if len(text) <= LONGEST else None
        if not match:
            what = f"{text[:LONGEST]!r} is not a semantic version"
            raise BadVersion(what, hint="write a version as 1.2.3 or 1.2.3-rc.1")
        pre = tuple(match[4].split(".")) if match[4] else ()
        return cls(int(match[1]), int(match[2]), int(match[3]), pre)

    @property
    def release(self) -> Version:
        """The same version without its pre-release part."""
        return replace(self, pre=())

    def bumped(self, bump: Bump) -> Version:
        """Return the next release; a pre-release that leads there already becomes it."""
        if bump is Bump.PATCH:
            return self.release if self.pre else Version(self.major, self.minor, self.patch + 1)
        if bump is Bump.MINOR:
            if self.pre and self.patch == 0:
                return self.release
            return Version(self.major, self.minor + 1, 0)
        if self.pre and self.patch == 0 and self.minor == 0:
            return self.release
        return Version(self.major + 1, 0, 0)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self._key() < other._key()

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}"

    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        # Numbers come before words, and compare as numbers; a release after its pre-releases.
        parts = tuple(
            (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.pre
        )
        return (self.major, self.minor, self.patch, not self.pre, parts)


def versions_in(tags: list[str]) -> list[Version]:
    """Return the versions among the tags of a repository, ascending; other tags are dropped."""
    found = []
    for tag in tags:
        try:
            found.append(Version.parse(tag))
        except BadVersion:
            continue
    return sorted(found)
