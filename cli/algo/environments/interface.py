"""What a package manager does for us, in our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.project.lock import Pin, Target


class PackageManager(Protocol):
    """Resolve requirements for any target, install what was locked."""

    def resolve(
        self,
        requirements: Sequence[Path],
        target: Target,
        *,
        wheels_only: bool,
        prefer: Mapping[str, str],
        fixed: Sequence[Pin] = (),
    ) -> tuple[Pin, ...]:
        """Return the packages that `requirements` need on `target`, sorted by name.

        Args:
            requirements: Files of requirements; an empty sequence needs nothing.
            target: The platform and Python to resolve for, which need not be this machine's.
            wheels_only: Refuse packages that would have to be built.
            prefer: Versions to keep where the requirements allow them.
            fixed: Packages whose versions are settled.

        Raises:
            Unsatisfiable: No set of versions fits.
            RequirementInvalid: A line cannot be parsed, or names an address or a folder.
            IndexUnreachable: The package index does not answer.
        """
        ...

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Return the packages that a file of hashed requirements names, sorted by name.

        Raises:
            RequirementInvalid: A line has no hash, or names an address or a folder.
        """
        ...

    def install(self, pins: Sequence[Pin], target: Target, folder: Path) -> None:
        """Install `pins` for an image of `target` into `folder`, from wheels alone.

        The tree is byte for byte the same wherever and whenever it is made.

        Raises:
            HashMismatch: A file is not the one that was locked.
            InstallFailed: A package has no wheel for the target.
            IndexUnreachable: The package index does not answer.
        """
        ...

    def fill(self, pins: Sequence[Pin], python: Path) -> None:
        """Install `pins` into the environment that `python` belongs to.

        Raises:
            HashMismatch: A file is not the one that was locked.
            InstallFailed: A package cannot be built here.
            IndexUnreachable: The package index does not answer.
        """
        ...
