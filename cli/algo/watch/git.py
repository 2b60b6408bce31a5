"""Whether git is changing the working tree now: then a burst of changes is not over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# A lock that is older was left by a git that was killed.
_STALE = 15.0


def is_busy(root: Path) -> bool:
    """Tell whether a git command is at work in the repository that holds `root`.

    Git holds `index.lock` from before it touches the first file until after the last.
    """
    folder = _repository(root)
    if folder is None:
        return False
    try:
        return time.time() - (folder / "index.lock").stat().st_mtime < _STALE
    except OSError:
        return False


def worked(root: Path, seconds: float) -> bool:
    """Tell whether a git command ended its work in that repository in the last `seconds`.

    It writes its index last.
    """
    folder = _repository(root)
    try:
        return folder is not None and time.time() - (folder / "index").stat().st_mtime < seconds
    except OSError:
        return False


def _repository(root: Path) -> Path | None:
    for folder in (root, *root.parents):
        place = folder / ".git"
        if place.is_dir():
            return place
        if place.is_file():  # a work tree or a submodule: the file names the folder
            try:
                _, _, named = place.read_text(encoding="utf-8").strip().partition("gitdir: ")
            except (OSError, UnicodeDecodeError):
                return None
            return folder / named
    return None
