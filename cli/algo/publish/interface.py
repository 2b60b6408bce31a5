"""What publishing needs of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.contract.interface import Check
    from algo.contract.record import Contract
    from algo.contract.report import TestReport
    from algo.environments.interface import PackageLocking
    from algo.events import Notify
    from algo.images.image import BuiltImage
    from algo.images.models import Part
    from algo.oci.descriptor import Platform
    from algo.project.lock import Lock
    from algo.project.project import Project
    from algo.publish.source import Checkout


class Tests(Protocol):
    """Runs the golden cases and the project's own tests."""

    def run(
        self, project: Project, previous: Contract | None, check: Check | None = None
    ) -> TestReport:
        """Test `project`; with the contract of the last version, report what differs from it.

        `check` refuses that as soon as it is known, before the project's own tests are run.
        """


class Images(Protocol):
    """Assembles images."""

    def build(
        self, project: Project, lock: Lock, *, platform: Platform | None = None, notify: Notify
    ) -> BuiltImage:
        """Return the image of `project`, every blob of it in the cache."""

    def model_parts(self, project: Project, lock: Lock, name: str) -> Sequence[Part]:
        """Return the files of the model `name`, sorted by path."""

    def sbom(self, project: Project, lock: Lock, image: BuiltImage, *, version: str = "") -> bytes:
        """Return the bill of materials of `image` as CycloneDX, whole."""


class Locks(Protocol):
    """Pins a project's packages."""

    def locking(self, project: Project) -> PackageLocking:
        """Return what a lock of `project` is made with."""


class Sources(Protocol):
    """Knows the version control of a project."""

    def checkout(self, project: Project) -> Checkout | None:
        """Return the state of the repository that holds `project`, None without one.

        Raises:
            GitFailed: There is one, and it cannot be read.
        """
