"""What serving needs of others: something to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.engines.interface import HostEnvironment, Image, Shared
    from algo.events import Notify


class Servable(Value, frozen=True):
    """An algorithm made ready for an engine.

    Attributes:
        name: `owner/name`.
        description: The bytes of `algorithm.json`.
        artifact: An image that the engine holds, or a Python of this machine with its packages.
        folder: The files to run; None when the image's own are meant.
        digest: The image's manifest digest, empty without an image.
        packages: The locked packages, as `name==version`.
        in_image: Those that the image has, empty without one.
        packages_at: Where the gateway finds them, when that is not where the artifact has them.
        program_at: The same for what the code was compiled to.
        base: Names what only a new instance can bring: a change of it wants one.
    """

    name: str
    description: bytes
    artifact: Image | HostEnvironment
    folder: Path | None
    digest: str = ""
    packages: tuple[str, ...] = ()
    in_image: tuple[str, ...] = ()
    packages_at: str = ""
    program_at: str = ""
    base: str = ""


class Tree(Protocol):
    """The working tree as what there is to serve, looked at again while it is served."""

    def concerned(self, path: str) -> bool:
        """Tell whether the file at `path` may say something of environment, models or limits."""

    def is_code(self, path: str) -> bool:
        """Tell whether the file at `path` is of the image's code, which may read it."""

    def writes(self, path: str) -> bool:
        """Tell whether preparing may write the file at `path`."""

    def changed(self) -> bool:
        """Tell whether such files say something else than when they were last prepared."""

    def prepare(self, current: Servable, shared: Shared | None, notify: Notify) -> Servable:
        """Return what there is to serve now: locked, and installed beside what runs.

        Args:
            current: What is served.
            shared: A folder that reaches the running instance; None when none does.
            notify: Gets a step for what takes long.

        Raises:
            AlgoError: The manifest cannot be read, or packages be locked or installed.
        """


class Versions(Protocol):
    """Fetches and verifies published versions."""

    def prepare(self, reference: str, *, image: bool, notify: Notify) -> Servable:
        """Return what runs the version `reference`, verified before anything of it runs.

        With `image` it is in the engine and `folder` is None; else its files are unpacked
        into `folder` and its lock is installed.
        """
