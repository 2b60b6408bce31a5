"""Packages for a container that runs: a folder of their own, beside those of its image."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import Step, counted
from algo.resources import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.environments.interface import PackageManager
    from algo.events import Notify
    from algo.project.lock import Pin, Target
    from algo.project.project import Project


def ensure_live(
    pins: Sequence[Pin],
    target: Target,
    manager: PackageManager,
    home: Path,
    there: str,
    *,
    project: Project | None = None,
    notify: Notify,
) -> Path:
    """Return the folder below `home` that holds `pins` for `target`, made when it is not there.

    The container sees `home` at `there`.

    It has the files of the packages layer and no compiled ones: to compile takes longer than the
    one import that the runner's parent does for all workers.

    Raises:
        InstallFailed: A package has no wheel for the target.
        HashMismatch: A package is not the one that was locked.
        IndexUnreachable: The package index does not answer.
    """
    listed = "\n".join(pin.identity for pin in pins)
    key = hashlib.sha256(f"{target}\n{listed}".encode()).hexdigest()[:16]
    folder = home / f"packages-{key}"
    if folder.is_dir():
        return folder
    notify(Step(f"Installing {counted(len(pins), 'package')} beside those that serve"))
    with writing(home):
        unfinished = Path(tempfile.mkdtemp(dir=home, prefix=".packages-"))
        try:
            manager.install(
                pins, target, unfinished, project=project, place=f"{there}/{folder.name}"
            )
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder
