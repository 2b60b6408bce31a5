"""Conda packages of an image, from the records that lie in their environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.sbom.contents import Contents

_RECORD = re.compile(r"opt/algo/packages/conda-meta/[^/]+\.json")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class _Record(msgspec.Struct, frozen=True):
    name: str
    version: str
    build: str = ""
    subdir: str = ""
    sha256: str = ""
    license: str = ""
    fn: str = ""
    depends: tuple[str, ...] = ()


class CondaPackage(Value, frozen=True):
    """A conda package; `needs` are names of others."""

    record: _Record

    @property
    def ref(self) -> str:
        """What the document calls it."""
        return f"conda/{self.record.name}@{self.record.version}={self.record.build}"

    @property
    def needs(self) -> Iterator[str]:
        """The names of what it depends on."""
        for text in self.record.depends:
            if found := _NAME.match(text):
                yield found[0]

    def purl(self, channel: str) -> str:
        """Return its package URL; `channel` is the name of where it is from."""
        found = self.record
        kind = "tar.bz2" if found.fn.endswith(".tar.bz2") else "conda"
        told = {"build": found.build, "channel": channel, "subdir": found.subdir, "type": kind}
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in told.items() if value)
        return f"pkg:conda/{quote(found.name)}@{quote(found.version)}?{query}"


def conda_packages(contents: Contents) -> list[CondaPackage]:
    """Return the conda packages, sorted by name; a record that is none is left out."""
    found = []
    for path, (content, _) in contents.files.items():
        if _RECORD.fullmatch(path):
            try:
                found.append(CondaPackage(msgspec.json.decode(content, type=_Record)))
            except msgspec.DecodeError:
                continue
    return sorted(found, key=lambda one: one.record.name)
