"""Source packages of R, and what a repository like CRAN says of them."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTRIB = "/src/contrib"


@dataclass(frozen=True, slots=True)
class RPackage:
    """A source package.

    Attributes:
        name: Its name.
        version: Its version.
        files: What it holds besides DESCRIPTION.
        fields: Further fields of DESCRIPTION.
        archived: Whether a newer version has taken its place.
    """

    name: str
    version: str
    files: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)
    archived: bool = False

    @property
    def listed(self) -> dict[str, str]:
        """What the list of packages says."""
        return {"Package": self.name, "Version": self.version, "License": "MIT + file LICENSE"} | {
            **self.fields
        }

    @property
    def path(self) -> str:
        """Where it is in the repository."""
        folder = f"{CONTRIB}/Archive/{self.name}" if self.archived else CONTRIB
        return f"{folder}/{self.name}_{self.version}.tar.gz"

    def packed(self) -> bytes:
        """Return the file `NAME_VERSION.tar.gz`."""
        more = {"Title": "T", "Description": "D.", "Author": "A", "Maintainer": "A <a@example.com>"}
        files = {"DESCRIPTION": _record(self.listed | more), "LICENSE": "YEAR: 2024\n"}
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, text in (files | dict(self.files)).items():
                member = tarfile.TarInfo(f"{self.name}/{name}")
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        return gzip.compress(made.getvalue(), mtime=0)


def pages(packages: Sequence[RPackage]) -> dict[str, bytes]:
    """Return what a repository of `packages` answers, by its paths."""
    listed = "\n".join(_record(one.listed) for one in packages if not one.archived)
    return {one.path: one.packed() for one in packages} | {f"{CONTRIB}/PACKAGES": listed.encode()}


def _record(fields: Mapping[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in fields.items())
