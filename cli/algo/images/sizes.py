"""How much of a packages layer each package is."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from typing import TYPE_CHECKING

import msgspec

from algo.images.config import PACKAGES
from algo.images.layer import members
from algo.project.lock import CONDA, PIP
from algo.storage.tar import Kind
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.images.image import Layer
    from algo.project.lock import Pin

_RECORD = re.compile(r"(.*)/([^/]+)-([^-/]+)\.dist-info/RECORD")
_CONDA = re.compile(r"(.*)/conda-meta/[^/]+\.json")
_COMPILED = re.compile(r"(.*)/__pycache__/([^/]+)\.cpython-\d+\.pyc")
_OTHERS = "others"


class PackageSize(Value, frozen=True):
    """A package and the bytes of its files, compiled ones included, unpacked."""

    name: str
    version: str
    size: int


class _CondaRecord(msgspec.Struct):
    """What lies in an environment of conda for each of its packages."""

    name: str
    version: str
    files: list[str] = []


def package_sizes(layer: Layer, pins: Iterable[Pin] = ()) -> tuple[PackageSize, ...]:
    """Return the packages of `layer`, the largest first; what belongs to none is `others`.

    Python's and conda's say themselves which files are theirs; those of other managers, which the
    lock has in `pins`, have folders or files that are called like them.
    """
    sizes: dict[str, int] = {}
    owners: dict[str, tuple[str, str]] = {}
    for member, content in members(layer):
        if member.kind != Kind.FILE:
            continue
        sizes[member.name] = member.size
        record = _RECORD.fullmatch(member.name)
        if record:
            text = b"".join(content).decode("utf-8", "replace")
            for row in csv.reader(io.StringIO(text)):
                if row:
                    path = posixpath.normpath(f"{record[1]}/{row[0]}")
                    owners[path] = (record[2], record[3])
        elif record := _CONDA.fullmatch(member.name):
            found = _conda(b"".join(content))
            for file in (*found.files, posixpath.relpath(member.name, record[1])):
                owners.setdefault(f"{record[1]}/{file}", (found.name, found.version))
    named = _Named(pins)
    totals: dict[tuple[str, str], int] = {}
    for path, size in sizes.items():
        source = _COMPILED.sub(r"\1/\2.py", path)
        owner = owners.get(path) or owners.get(source) or named.owner(path) or (_OTHERS, "")
        totals[owner] = totals.get(owner, 0) + size
    rows = [PackageSize(name, version, size) for (name, version), size in totals.items()]
    return tuple(sorted(rows, key=lambda one: (-one.size, one.name)))


def _conda(content: bytes) -> _CondaRecord:
    try:
        return msgspec.json.decode(content, type=_CondaRecord)
    except msgspec.DecodeError:
        return _CondaRecord(_OTHERS, "")


class _Named:
    """Packages by what their folders and files are called."""

    def __init__(self, pins: Iterable[Pin]) -> None:
        self._names: dict[str, tuple[str, str]] = {}
        self._files: dict[str, tuple[str, str]] = {}
        for pin in sorted(pins):
            if pin.kind in (PIP, CONDA):
                continue
            known = self._names.get(pin.name)
            # In folders that are called by the name alone, several versions are not told apart.
            version = f"{known[1]}, {pin.version}" if known else pin.version
            self._names[pin.name] = (pin.name, version)
            last = re.split("[:/]", pin.name)[-1]
            self._files[f"{last}-{pin.version}"] = (pin.name, pin.version)

    def owner(self, path: str) -> tuple[str, str] | None:
        """Return name and version of the package that the file at `path` lies in."""
        if not self._names:
            return None
        parts = posixpath.relpath(path, PACKAGES).split("/")
        found, holder = None, ""
        for at, part in enumerate(parts):
            above = parts[at - 1] if at else ""
            scoped = self._names.get(f"{above}/{part}")
            one = scoped or self._names.get(part) or self._versioned(part)
            room = (parts[at - 2] if at > 1 else "") if scoped else above
            # Within a package only a folder like the one that holds it holds more of them.
            if one and (found is None or (holder and room == holder)):
                found, holder = one, room
        return found

    def _versioned(self, part: str) -> tuple[str, str] | None:
        for name in (part, part.rpartition(".")[0]):
            stem = name
            while stem:
                if stem in self._files:
                    return self._files[stem]
                stem = stem.rpartition("-")[0]  # behind the version is what it was compiled for
        return None
