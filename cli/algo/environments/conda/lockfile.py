"""`conda-lock.yml`, in conda-lock's own format, as far as it matters here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from algo.environments.conda.names import LOCKFILE, build_of, channel_of
from algo.environments.conda.yaml import load
from algo.project.errors import LockInvalid
from algo.project.lock import CONDA, Pin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Hashes(msgspec.Struct, frozen=True):
    """The digests of a package's file, in hex."""

    md5: str | None = None
    sha256: str | None = None


class Package(msgspec.Struct, frozen=True):
    """A package of one platform."""

    name: str
    version: str
    manager: str
    platform: str
    url: str
    hash: Hashes
    dependencies: dict[str, str] = {}

    def pin(self, origin: Path | None = None) -> Pin:
        """Return it as our lock has it; `origin` is the folder that this lies in.

        Raises:
            LockInvalid: It has no SHA-256.
        """
        if not self.hash.sha256:
            raise LockInvalid(f"conda-lock.yml has no SHA-256 of {self.name} {self.version}")
        return Pin(
            self.name,
            self.version,
            (f"sha256:{self.hash.sha256}",),
            kind=CONDA,
            source=channel_of(self.url),
            build=build_of(self.url),
            origin=origin,
        )


class _Metadata(msgspec.Struct, frozen=True):
    platforms: tuple[str, ...] = ()


class CondaLock(msgspec.Struct, frozen=True):
    """A whole `conda-lock.yml`."""

    version: int
    metadata: _Metadata
    package: tuple[Package, ...] = ()

    def of(self, subdir: str) -> tuple[Package, ...]:
        """Return the conda packages of a platform."""
        return tuple(one for one in self.package if one.platform == subdir and one.manager == CONDA)


def parse(text: str) -> CondaLock:
    """Read the text of a `conda-lock.yml`.

    Raises:
        LockInvalid: It is none, or one of another version.
    """
    try:
        found = msgspec.convert(load(text, "conda-lock.yml"), CondaLock)
    except (ValueError, msgspec.ValidationError) as error:
        raise LockInvalid(f"conda-lock.yml cannot be read: {error}") from error
    if found.version != 1:
        raise LockInvalid(f"conda-lock.yml has version {found.version}, this algo reads 1")
    return found


def locked(pins: Iterable[Pin], subdir: str) -> tuple[Package, ...]:
    """Return where the packages that `pins` name are fetched from.

    Raises:
        LockInvalid: The `conda-lock.yml` beside the lock is not there, or has other packages.
    """
    wanted = tuple(pins)
    found: dict[str, Package] = {}
    for origin in {pin.origin for pin in wanted}:
        path = None if origin is None else origin / LOCKFILE
        if path is None or not path.is_file():
            raise LockInvalid("algo.lock has conda packages, and there is no conda-lock.yml")
        found |= {one.name: one for one in parse(path.read_text(encoding="utf-8")).of(subdir)}
    for pin in wanted:
        package = found.get(pin.name)
        if package is None or f"sha256:{package.hash.sha256}" not in pin.hashes:
            raise LockInvalid(f"conda-lock.yml has another {pin.name} for {subdir} than algo.lock")
    return tuple(found[pin.name] for pin in wanted)
