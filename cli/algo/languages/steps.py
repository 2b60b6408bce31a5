"""What goes into a step of a language, and what its failure says."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPORT = "report.xml"
_HINT = "hint: "
# How compilers and interpreters name a place: `src/a.go:3:5: …`, `--> src/a.rs:3:5`, `(a.js:3)`.
_PLACE = re.compile(r"(?:^|[\s('\"])(?:\./)?([\w@+~-][\w@+~./-]*\.\w+):(\d+)", re.MULTILINE)
_NO_ROOM = re.compile(r"[Nn]o space left on device|ENOSPC|os error 28|[Dd]isk quota exceeded")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def values_of(places: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return what each placeholder stands for, told where the `places` are."""
    found = {**places, **values}
    if "report" in places:
        found["report"] = f"{places['report']}/{REPORT}"
    return found


def plain(said: str, *roots: str) -> str:
    """Return what a step said, without colours and with paths below `roots` relative to them."""
    text = _COLOUR.sub("", said)
    for root in roots:
        text = text.replace(f"file://{root}/", "").replace(f"{root}/", "")
    return text.strip()


def place_in(said: str, app: Path) -> tuple[str, int]:
    """Return the first file of the project in `app` that a step named, and the line; or nothing."""
    for file, line in _PLACE.findall(said):
        if ".." not in file.split("/") and (app / file).is_file():
            return file, int(line)
    return "", 0


def hint_of(said: str) -> tuple[str, str | None]:
    """Return what a step said without the hint in its last line, and that; None for no hint."""
    before, _, last = said.rstrip().rpartition("\n")
    return (before, last.removeprefix(_HINT)) if last.startswith(_HINT) else (said, None)


def out_of_room(said: str) -> bool:
    """Tell whether a step failed because a disk is full."""
    return _NO_ROOM.search(said) is not None


def digest_of(folder: Path) -> str:
    """Return a digest of all files in the `folder` of a language, in hex."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
