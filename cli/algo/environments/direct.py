"""Requirements that name an address or a folder, which no lock can hold."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from algo.environments.errors import RequirementInvalid
from algo.environments.requirements import lines_of, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from algo.environments.requirements import Source

_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]+")
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^]]*\])?\s*@\s*")
_ADDRESS = re.compile(r"(?:git|hg|svn|bzr)\+|[a-z]+://")
_ARCHIVE = re.compile(r".*\.(?:whl|tar\.gz|zip)")
_WHY = "A lock holds names, versions and hashes; not addresses and folders."


def refuse_direct(sources: Iterable[Source]) -> None:
    """Refuse what names a place instead of a version, before that place is asked for anything.

    Raises:
        RequirementInvalid: There is such a line.
    """
    for source in sources:
        for line in lines_of(source):
            where = f"{line.path.name}:{line.number}" if line.number else line.path.name
            refuse_place(line.text, where, line.path.parent)


def refuse_place(text: str, where: str, folder: Path) -> None:
    """Refuse a requirement that names a place; one with a marker may be for other machines.

    Args:
        text: The requirement.
        where: Its file, and its line where that is known.
        folder: What a path in it is relative to.

    Raises:
        RequirementInvalid: It names one.
    """
    place = "" if ";" in text else _direct(text)
    if not place:
        return
    shown, again = without_credentials(text), "then: algo lock"
    local = place.removeprefix("file://").partition("[")[0]
    what, wheel = f"{shown!r} cannot be locked", shlex.quote(without_credentials(place))
    hint = (
        f"python3 -m pip wheel --no-deps -w wheels {wheel}, and in its place: "
        f"--find-links ./wheels and NAME==VERSION, {again}"
    )
    if not _ADDRESS.match(local):
        if not (folder / local).exists():
            what = f"there is no {local}, and no path could be locked"
            hint = f"require the package by its name in {where}, {again}"
        elif (folder / local).resolve() == folder.resolve():
            hint = f"take {shown!r} out, as what is in src/ can be imported as it is, {again}"
    raise RequirementInvalid(f"{where}: {what}", details=_WHY, hint=hint)


def _direct(text: str) -> str:
    """Return the address or path that a requirement names, empty when it names a package."""
    editable, named = _EDITABLE.match(text), _NAMED.match(text)
    if text.startswith("-") and not editable:
        return ""
    start = editable or named
    place = text[start.end() :] if start else text
    place = re.split(r"\s+--hash|\s+#", place)[0].strip()
    plain = not (start or _ADDRESS.match(place) or _ARCHIVE.fullmatch(place))
    path = place.partition("[")[0]
    return "" if plain and "/" not in path and path != "." else place
