"""A package manager that works from a table and touches no network."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.environments.errors import InstallFailed, Unsatisfiable
from algo.environments.virtualenv import make_virtualenv
from algo.project.lock import Pin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
    from algo.project.lock import Target
    from algo.project.project import Project


def hash_of(name: str, version: str) -> str:
    """Return the hash that the fake index gives a package."""
    return "sha256:" + hashlib.sha256(f"{name} {version}".encode()).hexdigest()


@dataclass
class FakePackages:
    """An index of pure packages: each is one module that holds its version.

    Args:
        index: The versions of each name, the newest last.
    """

    index: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"six": ("1.16", "1.17")})
    resolved: list[Target] = field(default_factory=list)
    installed: list[tuple[Pin, ...]] = field(default_factory=list)

    def resolve(
        self,
        requirements: Sequence[Source],
        target: Target,
        *,
        wheels_only: bool,
        prefer: Mapping[str, str],
        fixed: Sequence[Pin] = (),
        accelerator: str = "",
    ) -> tuple[Pin, ...]:
        """Take the preferred version, else the newest; `==` pins."""
        self.resolved.append(target)
        settled = {pin.name: pin.version for pin in fixed}
        pins = []
        rows = [row for one in requirements for row in one.path.read_text().split("\n")]
        for line in filter(None, rows):
            name, _, asked = line.partition("==")
            versions = self.index.get(name, ())
            if not versions or (asked and asked not in versions):
                raise Unsatisfiable(f"{requirements[0].name} cannot be met", details=line)
            version = asked or settled.get(name) or prefer.get(name) or versions[-1]
            pins.append(Pin(name, version, (hash_of(name, version),)))
        return tuple(sorted(pins))

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Nothing here comes as source."""
        return tuple(pins)

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read lines of `name==version`."""
        rows = [line.split("==") for line in path.read_text().split()]
        return tuple(Pin(name, version, (hash_of(name, version),)) for name, version in rows)

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Write one module per package."""
        self.installed.append(tuple(pins))
        folder.mkdir(parents=True, exist_ok=True)
        for pin in pins:
            if pin.hashes != (hash_of(pin.name, pin.version),):
                raise InstallFailed(f"{pin.name} has no file of this hash")
            (folder / f"{re.sub('-', '_', pin.name)}.py").write_text(f"v = {pin.version!r}\n")

    def create(self, pins: Sequence[Pin], root: Path, host: Interpreter) -> None:
        """Make a virtual environment of the host's Python."""
        make_virtualenv(root, host)

    def beside(self, pins: Sequence[Pin]) -> dict[str, bytes]:
        """Return nothing: a lock says all that there is to say."""
        return {}

    def fill(self, pins: Sequence[Pin], python: Path, *, project: Project | None = None) -> None:
        """Write one module per package into the environment."""
        self.installed.append(tuple(pins))
        site = next((python.parent.parent / "lib").glob("python3.*")) / "site-packages"
        for pin in pins:
            (site / f"{pin.name}.py").write_text(f"v = {pin.version!r}\n")
