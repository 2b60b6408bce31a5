"""Folders that are made once of something that names them, and used by any number of processes.

Who uses one holds the file that completes it until the process ends. What was made in an earlier
run of the machine is made again: thousands of small files are not synced when they are written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from algo.resources import writing
from algo.storage.held import PROCESS, unused
from algo.storage.kinds import remove_folder, written

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETE = "algo-complete"
# What is in a tree lies below this, so that the mark is in nobody's way.
INSIDE = "tree"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_run(source: Path = _BOOT) -> str:
    """Return what names this run of the machine, from its start to its end; empty if unknown."""
    try:
        return source.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def ensure_tree(home: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return the tree called `name` in `home`, filled by `make` first when it is not there."""
    root = home / name
    if _use(root):
        return root / INSIDE
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _use(root):
            with writing(home):
                shutil.rmtree(root, ignore_errors=True)
                (root / INSIDE).mkdir(parents=True)
                try:
                    make(root / INSIDE)
                except BaseException:  # nobody else can know that it is left behind
                    shutil.rmtree(root, ignore_errors=True)
                    raise
                (root / COMPLETE).write_text(this_run(), encoding="utf-8")
                _use(root)
    return root / INSIDE


def use_folder(folder: Path) -> None:
    """Make `folder` where it is not there; hold it, by a file beside it, until the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder.with_name(f"{folder.name}.used")
    while True:
        mark.touch()
        if PROCESS.hold(mark):
            return


def prune_trees(home: Path, prefix: str, *, keep: int) -> None:
    """Remove the trees whose names begin with `prefix`, but the last `keep` and those in use."""
    marks = sorted(home.glob(f"{prefix}*/{COMPLETE}"), key=written, reverse=True)
    for mark in marks[keep:]:
        with unused(mark) as free:
            if free:
                remove_folder(mark.parent)


def _use(root: Path) -> bool:
    mark = root / COMPLETE
    if not PROCESS.hold(mark) or mark.read_text(encoding="utf-8") != this_run():
        return False
    os.utime(mark)
    return True
