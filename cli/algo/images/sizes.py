"""How much of a packages layer each package is."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.images.layer import members
from algo.storage.tar import Kind

if TYPE_CHECKING:
    from algo.images.image import Layer

_RECORD = re.compile(r"(.*)/([^/]+)-([^-/]+)\.dist-info/RECORD")
_COMPILED = re.compile(r"(.*)/__pycache__/([^/]+)\.cpython-\d+\.pyc")
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class PackageSize:
    """A package and the bytes of its files, compiled ones included, unpacked."""

    name: str
    version: str
    size: int


def package_sizes(layer: Layer) -> tuple[PackageSize, ...]:
    """Return the packages of `layer`, the largest first; what belongs to none is `others`."""
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
    totals: dict[tuple[str, str], int] = {}
    for path, size in sizes.items():
        source = _COMPILED.sub(r"\1/\2.py", path)
        owner = owners.get(path) or owners.get(source) or (_OTHERS, "")
        totals[owner] = totals.get(owner, 0) + size
    found = [PackageSize(name, version, size) for (name, version), size in totals.items()]
    return tuple(sorted(found, key=lambda one: (-one.size, one.name)))
