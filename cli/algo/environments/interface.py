"""What a package manager does for us, in our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import field

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
    from algo.environments.upgrade import Upgrade
    from algo.events import Notify
    from algo.project.lock import Lock, Pin, Target
    from algo.project.project import Project


class Resolved(Value, frozen=True):
    """What a project's files lead to.

    Attributes:
        pins: The packages of each target, sorted by name.
        beside: The files, by name, that a lock of them has beside it.
    """

    pins: dict[Target, tuple[Pin, ...]]
    beside: dict[str, bytes] = field(default_factory=dict)


class PackageLocking(Protocol):
    """What a lock is made with: how packages are pinned, and for which targets."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every target that a lock made here must hold, those of images first."""

    @property
    def host_target(self) -> Target:
        """What the algorithm needs outside a container of this machine."""

    def image_target(self, platform: str) -> Target:
        """What the image of `platform` needs."""

    @property
    def writes(self) -> tuple[str, ...]:
        """The files that it may write beside `algo.lock`."""

    def inputs(self, project: Project) -> str:
        """Return the digest of what the packages of `project` are pinned from."""

    def resolve(
        self, project: Project, old: Lock | None, upgrade: Upgrade, *, notify: Notify
    ) -> Resolved:
        """Return the packages of every target; those of `old` stay where nothing forbids it.

        Raises:
            AlgoError: They cannot be resolved.
        """


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
            wheels_only: Take a version that has a wheel where there is one; a package that has
                none comes back `UNBUILT`.
            prefer: Versions to keep where the requirements allow them.
            fixed: Packages whose versions are settled.
            accelerator: Which build of PyTorch to take, as `accelerator.wanted` gives it; none
                in particular when it is empty.

        Raises:
            Unsatisfiable: No set of versions fits.
            RequirementInvalid: A line cannot be parsed, or names an address or a folder.
            IndexUnreachable: The package index does not answer.
        """
        ...

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Return `pins` with a wheel for each that no index has one of.

        One that cannot be built here for `target` stays `UNBUILT`.

        Args:
            pins: What `resolve` gave for an image.
            target: The image's.
            project: Whose packages they are.
            known: Packages of this and other images whose wheels will do again.

        Raises:
            WheelBuildFailed: A package does not build.
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
            WheelMissing: A package was never built for the target.
            WheelDiffers: A package had to be built again, and became another one.
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


class Workshop(Protocol):
    """Where packages are built that come as source: the image of a language with compilers."""

    def serves(self, project: Project, target: Target) -> bool:
        """Tell whether something can be built for `target` of `project` here and now."""
        ...

    def key(self, project: Project, target: Target) -> str:
        """Return what the place depends on: the same text, the same compilers and libraries."""
        ...

    def build(self, project: Project, target: Target, folder: Path, *, notify: Notify) -> str:
        """Build `folder/sdist/*` with `folder/tools` into `folder/wheel/`, without network.

        The build may ask for more tools, with `folder/requires.json`, a list, and no wheel.

        Returns:
            What the build said when it failed, else nothing.
        """
        ...
