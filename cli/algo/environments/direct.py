"""Requirements that name an address or a folder, which no lock can hold."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from algo.environments.errors import RequirementInvalid
from algo.environments.requirements import lines_of, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.environments.requirements import Line, Source

_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]+")
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^]]*\])?\s*@\s*")
_ADDRESS = re.compile(r"(?:git|hg|svn|bzr)\+|[a-z]+://")
_ARCHIVE = re.compile(r".*\.(?:whl|tar\.gz|zip)")
_WHY = "A lock holds names, versions and hashes; not addresses and folders."
_AGAIN = "then: algo lock"


def refuse_direct(sources: Iterable[Source]) -> None:
    """Refuse what names a place instead of a version, before that place is asked for anything.

    A line with a marker may be for other machines, so it is left to the resolver.

    Raises:
        RequirementInvalid: There is such a line.
    """
    for source in sources:
        for line in lines_of(source):
            place = "" if ";" in line.text else _direct(line.text)
            if place:
                raise _refused(line, place)


def _direct(text: str) -> str:
    """Return the address or path that a requirement names, empty when it names a package."""
    editable, named = _EDITABLE.match(text), _NAMED.match(text)
    if text.startswith("-") and not editable:
        return ""
    start = editable or named
    place = text[start.end() :] if start else text
    place = re.split(r"\s+--hash|\s+#", place)[0].strip()
    plain = not (start or _ADDRESS.match(place) or _ARCHIVE.fullmatch(place))
    return "" if plain and "/" not in place.partition("[")[0] else place


def _refused(line: Line, place: str) -> RequirementInvalid:
    where = f"{line.path.name}:{line.number}" if line.number else line.path.name
    local = place.removeprefix("file://").partition("[")[0]
    if not _ADDRESS.match(local) and not (line.path.parent / local).exists():
        return RequirementInvalid(
            f"{where}: there is no {local}, and no path could be locked",
            details=_WHY,
            hint=f"require the package by its name in {where}, {_AGAIN}",
        )
    shown = without_credentials(place)
    wheel = f"python3 -m pip wheel --no-deps -w wheels {shlex.quote(shown)}"
    return RequirementInvalid(
        f"{where}: {without_credentials(line.text)!r} cannot be locked",
        details=_WHY,
        hint=f"{wheel}, and in its place: --find-links ./wheels and NAME==VERSION, {_AGAIN}",
    )
