"""Versions that their publisher takes back: marked with a reason, never removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from algo.trust.evidence import Standing, collect
from algo.trust.statements import make_statement

if TYPE_CHECKING:
    from algo.oci.digest import Digest
    from algo.trust.interface import Repository
    from algo.trust.policy import Policy

YANK = "https://algo.dev/yank/v1"
"""Says that a version is not to be used any more, or that it may be again."""

FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


class Yank(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said of a version; of several, the newest counts.

    Args:
        name: `owner/name` of the version.
        version: It.
        at: When it was said: RFC 3339 in UTC with six places after the second.
        reason: Why, for whoever is refused.
        yanked: False takes back what was said before.
    """

    name: str
    version: str
    at: str
    reason: str = ""
    yanked: bool = True


def yank_statement(yank: Yank, index: Digest) -> bytes:
    """Return the statement that `yank` is said of the version with this index."""
    predicate = msgspec.json.encode(yank, order="deterministic")
    return make_statement(YANK, predicate, {index: yank.name})


def newest(repository: Repository, index: Digest, policy: Policy, name: str) -> Yank | None:
    """Return what a trusted key said last of a version, None when none said anything.

    What others attached does not count: else whoever may write there could take a version away.
    """
    said = [
        yank
        for evidence in collect(repository, index, policy, name, kind=YANK)
        if evidence.standing is Standing.TRUSTED and evidence.statement.speaks_of(index)
        if (yank := _read(bytes(evidence.statement.predicate))) is not None and yank.name == name
    ]
    # Where two were said at once, the version stays away.
    return max(said, key=lambda yank: (yank.at, yank.yanked), default=None)


def yanked(repository: Repository, index: Digest, policy: Policy, name: str) -> Yank | None:
    """Return why a version is not to be used any more, None when it may be."""
    found = newest(repository, index, policy, name)
    return found if found is not None and found.yanked else None


def time_of(yank: Yank) -> datetime | None:
    """Return when it was said, None where that is in another form, so that nothing is before it."""
    try:
        return datetime.strptime(yank.at, FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def _read(predicate: bytes) -> Yank | None:
    try:
        yank = msgspec.json.decode(predicate, type=Yank)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return yank if time_of(yank) is not None else None
