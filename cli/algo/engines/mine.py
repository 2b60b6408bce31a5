"""Which images of an engine this user uses: others may use the same engine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING

from algo.engines.kept import PREFIX
from algo.storage.files import write_whole
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

_LIFE_SECONDS = 365 * 86_400


class Mine(Value, frozen=True):
    """Notes of images, one file each below `folder`, whose time is that of the last use.

    An image says nothing of who loaded it: its bytes are the same for everybody.

    Args:
        folder: Made when something is written.
        address: The engine's address.
    """

    folder: Path
    address: str

    def use(self, image: str) -> None:
        """Note that this user uses the image called so; of those that are not ours, nothing."""
        if not image.startswith(PREFIX):
            return
        path = self._path(image)
        try:
            os.utime(path)
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._forget_old()
            write_whole(path, [image.encode()], self.folder)

    def used(self, image: str) -> float | None:
        """Return when this user used an image last, in seconds since 1970; None for never."""
        try:
            return self._path(image).stat().st_mtime
        except FileNotFoundError:
            return None

    def forget(self, image: str) -> None:
        """Remove the note of an image that is gone."""
        self._path(image).unlink(missing_ok=True)

    def _forget_old(self) -> None:
        """Remove notes of images that were not used for long: an engine forgets images, too."""
        oldest = time.time() - _LIFE_SECONDS
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _path(self, image: str) -> Path:
        key = hashlib.sha256(f"{self.address} {image}".encode()).hexdigest()
        return self.folder / key[:40]
