"""What a package manager does for us, in our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
    from algo.project.lock import Pin, Target
    from algo.project.project import Project


class PackageManager(Protocol):
    """Resolve requirements for any target, install what was locked."""

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
        """Return the packages that `requirements` need on `target`, sorted by name.

        Args:
            requirements: What says what is needed; an empty sequence needs nothing.
            target: The platform and Python to resolve for, which need not be this machine's.
            wheels_only: Refuse packages that would have to be built.
            prefer: Versions to keep where the requirements allow them.
            fixed: Packages whose versions are settled.
            accelerator: Which build of PyTorch to take: `cpu`, `cu128`; none in particular when
                it is empty.

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

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Install `pins` for an image of `target` into `folder`, from wheels alone.

        The tree is byte for byte the same wherever and whenever it is made.

        Args:
            pins: What to install.
            target: What the tree is for.
            folder: Where to put it.
            project: Whose packages they are: its files may name the indexes that have them.
            place: Where the tree will lie when it is used, for packages that must know; `folder`
                when it is empty.

        Raises:
            HashMismatch: A file is not the one that was locked.
            InstallFailed: A package has no wheel for the target.
            IndexUnreachable: The package index does not answer.
        """
        ...

    def create(self, pins: Sequence[Pin], root: Path, host: Interpreter) -> None:
        """Make an environment at `root` that `pins` can be filled into.

        It has the Python of `host`, or the one among `pins`.

        Raises:
            InstallFailed: It cannot be made.
            HashMismatch: A file is not the one that was locked.
            IndexUnreachable: What has the Python does not answer.
        """
        ...

    def beside(self, pins: Sequence[Pin]) -> dict[str, bytes]:
        """Return the files, by name, that a lock of `pins` has beside it."""
        ...

    def fill(self, pins: Sequence[Pin], python: Path, *, project: Project | None = None) -> None:
        """Install `pins` into the environment that `python` belongs to; `project` as above.

        Raises:
            HashMismatch: A file is not the one that was locked.
            InstallFailed: A package cannot be built here.
            IndexUnreachable: The package index does not answer.
        """
        ...
