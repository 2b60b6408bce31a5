"""What serving needs of others: something to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from algo.engines.interface import HostEnvironment, Image
    from algo.events import Notify


@dataclass(frozen=True, slots=True)
class Servable:
    """An algorithm made ready for an engine.

    Attributes:
        name: `owner/name`.
        description: The bytes of `algorithm.json`.
        artifact: An image that the engine holds, or a Python of this machine with its packages.
        folder: The files to run; None when the image's own are meant.
        digest: The image's manifest digest, empty without an image.
    """

    name: str
    description: bytes
    artifact: Image | HostEnvironment
    folder: Path | None
    digest: str = ""


class Versions(Protocol):
    """Fetches and verifies published versions."""

    def prepare(self, reference: str, *, image: bool, notify: Notify) -> Servable:
        """Return what runs the version `reference`, verified before anything of it runs.

        With `image` it is in the engine and `folder` is None; else its files are unpacked
        into `folder` and its lock is installed.
        """
