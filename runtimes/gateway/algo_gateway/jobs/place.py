"""Where jobs are kept: the folder that was given, else one that goes with this process."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Place:
    """The folder of the database. `lasting` tells whether it outlives this process."""

    def __init__(self, folder: Path | None, say: Callable[[str], None]) -> None:
        self.lasting = folder is not None and _writable(folder)
        if folder is not None and self.lasting:
            self.folder = folder
            return
        if folder is not None:
            say(f"{folder} cannot be written: jobs will be gone when this process ends")
        # The name says whose it is (algo doctor).
        self.folder = Path(tempfile.mkdtemp(prefix=f"algo-jobs-{os.getpid()}-"))

    def leave(self) -> None:
        """Remove a folder that was only ours."""
        if not self.lasting:
            shutil.rmtree(self.folder, ignore_errors=True)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
