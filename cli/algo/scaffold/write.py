"""Write a planned tree: all of it, or nothing."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import DiskFull
from algo.scaffold.errors import ScaffoldUnwritable, WouldOverwrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.scaffold.plan import PlannedFile

_SHOWN = 20


def write(files: Sequence[PlannedFile], folder: Path) -> None:
    """Write `files` below `folder`, which may exist and hold other files.

    The tree is made beside its place and moved in, so a failure leaves nothing behind.

    Raises:
        WouldOverwrite: A file is already there; all of them are named, nothing is written.
        DiskFull: No space is left.
        ScaffoldUnwritable: The folder or the disk refuses.
    """
    try:
        _refuse_conflicts(files, folder)
        _write(files, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"the disk is full: the project cannot be written to {folder}",
                hint="make room there, or pass --dir with a folder of another disk",
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise ScaffoldUnwritable(f"cannot write the project to {folder}: {reason}") from error


def conflicts(files: Sequence[PlannedFile], folder: Path) -> tuple[str, ...]:
    """Return the paths below `folder` that `files` would overwrite, sorted.

    A file standing where a folder is needed is one of them.
    """
    if folder.is_symlink() and not folder.exists():
        return (folder.name,)
    if folder.exists() and not folder.is_dir():
        return (folder.name,)
    taken: set[str] = set()
    for file in files:
        path = folder / file.path
        if path.is_symlink() or path.exists():
            taken.add(file.path)
        for parent in Path(file.path).parents:
            place = folder / parent
            if (place.exists() or place.is_symlink()) and not place.is_dir():
                taken.add(parent.as_posix())
    return tuple(sorted(taken))


def _refuse_conflicts(files: Sequence[PlannedFile], folder: Path) -> None:
    taken = conflicts(files, folder)
    if not taken:
        return
    if not folder.is_dir():
        raise WouldOverwrite(
            f"{folder} is there, and no folder", hint="pass another one with --dir"
        )
    more = [f"and {len(taken) - _SHOWN} more"] if len(taken) > _SHOWN else []
    raise WouldOverwrite(
        f"{len(taken)} of {len(files)} files would overwrite what is in {folder}; "
        "nothing was written",
        details="\n".join([*taken[:_SHOWN], *more]),
    )


def _write(files: Sequence[PlannedFile], folder: Path) -> None:
    exists = folder.is_dir()
    made = [] if exists else [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder if exists else folder.parent
        with tempfile.TemporaryDirectory(prefix=".algo-init-", dir=beside) as stage:
            # A folder of its own, because the temporary one is private to the user.
            tree = Path(stage) / "tree"
            tree.mkdir()
            for file in files:
                _write_file(file, tree)
            if exists:
                _move_in(files, tree, folder)
            else:
                tree.rename(folder)
    finally:
        # Those that hold the finished project are not empty, and stay.
        _remove_folders(made)


def _write_file(file: PlannedFile, root: Path) -> None:
    path = root / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    if file.executable:
        path.chmod(0o755)


def _move_in(files: Sequence[PlannedFile], stage: Path, folder: Path) -> None:
    moved: list[Path] = []
    made: list[Path] = []
    try:
        for file in files:
            target = folder / file.path
            made += [parent for parent in target.parents if not parent.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            (stage / file.path).rename(target)
            moved.append(target)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        _remove_folders(made)
        raise


def _remove_folders(folders: Sequence[Path]) -> None:
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
