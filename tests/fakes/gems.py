"""Gems, and what a server like RubyGems.org says of them to Bundler."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ANY = """\
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
"""


@dataclass(frozen=True, slots=True)
class Gem:
    """A gem.

    Attributes:
        name: Its name.
        version: Its version.
        files: What it holds.
        needs: Names of others that it needs.
        extensions: Which of the files make its Makefile.
    """

    name: str
    version: str
    files: Mapping[str, str]
    needs: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()

    def packed(self) -> bytes:
        """Return the file `NAME-VERSION.gem`."""
        data = _tar({name: text.encode() for name, text in self.files.items()})
        return _tar(
            {
                "metadata.gz": gzip.compress(self._metadata().encode(), mtime=0),
                "data.tar.gz": gzip.compress(data, mtime=0),
            }
        )

    def _metadata(self) -> str:
        lines = [
            "--- !ruby/object:Gem::Specification",
            f"name: {self.name}",
            "version: !ruby/object:Gem::Version",
            f"  version: {self.version}",
            "platform: ruby",
            "authors: [Ada]",
            "date: 2024-01-01 00:00:00.000000000 Z",
            f"dependencies:{'' if self.needs else ' []'}",
            *(_dependency(name) for name in self.needs),
            f"extensions: [{', '.join(self.extensions)}]",
            f"files: [{', '.join(self.files)}]",
            "licenses: [MIT]",
            "require_paths: [lib]",
            "required_ruby_version: !ruby/object:Gem::Requirement",
            f"{_ANY}required_rubygems_version: !ruby/object:Gem::Requirement",
            f"{_ANY}specification_version: 4",
            "summary: of the tests",
        ]
        return "\n".join(lines) + "\n"


def pages(gems: Sequence[Gem]) -> dict[str, bytes]:
    """Return what a server of `gems` answers: the compact index and each gem, by their paths."""
    found, infos = dict[str, bytes](), dict[str, str]()
    for gem in gems:
        packed = gem.packed()
        found[f"/gems/{gem.name}-{gem.version}.gem"] = packed
        needs = ",".join(f"{name}:>= 0" for name in gem.needs)
        line = f"{gem.version} {needs}|checksum:{hashlib.sha256(packed).hexdigest()}\n"
        infos[gem.name] = infos.get(gem.name, "---\n") + line
    versions = "created_at: 2024-01-01T00:00:00Z\n---\n"
    for name, info in infos.items():
        found[f"/info/{name}"] = info.encode()
        listed = ",".join(gem.version for gem in gems if gem.name == name)
        digest = hashlib.md5(info.encode(), usedforsecurity=False).hexdigest()
        versions += f"{name} {listed} {digest}\n"
    return {**found, "/versions": versions.encode()}


def _dependency(name: str) -> str:
    anything = _ANY.replace("\n", "\n  ").rstrip(" ")
    return (
        f"- !ruby/object:Gem::Dependency\n  name: {name}\n"
        f"  requirement: &{name} !ruby/object:Gem::Requirement\n  {anything}"
        f"  type: :runtime\n  prerelease: false\n  version_requirements: *{name}"
    )


def _tar(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()
