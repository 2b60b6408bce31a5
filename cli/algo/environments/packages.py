"""The package manager for what is at hand: conda's where packages are conda's, else pip's."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from algo.events import silent
from algo.project.lock import CONDA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.environments.interface import PackageManager, Workshop
    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
    from algo.events import Notify
    from algo.project.lock import Pin, Target
    from algo.project.project import Project
    from algo.resources import Folders


@dataclass
class Packages:
    """Each package manager, built when it is first needed.

    Args:
        env: The environment that they run programs in.
        folders: Where they keep what they fetched.
        workshop: Where packages are built that come as source; None builds none.
        notify: Gets a step per package that is built.
    """

    env: Mapping[str, str]
    folders: Folders = field(repr=False)
    workshop: Workshop | None = None
    notify: Notify = silent

    @cached_property
    def pip(self) -> PackageManager:
        """Python's packages."""
        from algo.environments.pip import Pip

        return Pip(self.env, self.workshop, self.folders.cache, self.notify)

    @cached_property
    def conda(self) -> PackageManager:
        """Conda's, and what they leave to pip."""
        from algo.environments.conda.manager import Conda

        return Conda(self.env, self.folders, self.pip)

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
        """Resolve by the target; see `PackageManager.resolve`."""
        manager = self.conda if target.python == CONDA else self.pip
        return manager.resolve(
            requirements,
            target,
            wheels_only=wheels_only,
            prefer=prefer,
            fixed=fixed,
            accelerator=accelerator,
        )

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Build what comes as source; see `PackageManager.build`."""
        return self._of(pins).build(pins, target, project, known=known)

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read a file of hashed requirements."""
        from algo.environments.pins import read_pins

        return read_pins(path)

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Install for an image; see `PackageManager.install`."""
        self._of(pins).install(pins, target, folder, project=project, place=place)

    def create(self, pins: Sequence[Pin], root: Path, host: Interpreter) -> None:
        """Make an environment; see `PackageManager.create`."""
        self._of(pins).create(pins, root, host)

    def beside(self, pins: Sequence[Pin]) -> dict[str, bytes]:
        """Return what a lock has beside it; see `PackageManager.beside`."""
        return self._of(pins).beside(pins)

    def fill(self, pins: Sequence[Pin], python: Path, *, project: Project | None = None) -> None:
        """Install into an environment; see `PackageManager.fill`."""
        self._of(pins).fill(pins, python, project=project)

    def _of(self, pins: Sequence[Pin]) -> PackageManager:
        return self.conda if any(pin.kind == CONDA for pin in pins) else self.pip
