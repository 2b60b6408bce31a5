"""The new project's folder: made beside its place, and moved there when all of it is right."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import FileProblem
from algo.importing.errors import SourceInvalid, TargetTaken
from algo.resources import scratch, writing
from algo.signals import terminable, unstoppable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.importing.interface import Copied


@contextlib.contextmanager
def making(target: Path) -> Iterator[Path]:
    """Give a folder that is moved to `target` at the end of the block; a failure leaves nothing.

    Raises:
        TargetTaken: There is something at `target` already.
        FileProblem: The system refuses the folder.
        DiskFull: No space is left there.
    """
    _refuse_taken(target)
    made = [parent for parent in target.parents if not parent.exists()]
    try:
        with terminable(), _named(), writing(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            with scratch("import", target.parent) as stage:
                # A folder of its own, because the temporary one is private to the user.
                tree = Path(stage, "tree")
                tree.mkdir()
                yield tree
                _refuse_taken(target)
                with unstoppable():
                    _move(tree, target)
    finally:
        with unstoppable():
            for parent in made:  # the innermost first; one that holds the project stays
                with contextlib.suppress(OSError):
                    parent.rmdir()


_LEFT = ("__pycache__", ".algo-import-*")


def take_over(copied: Copied, project: Path) -> None:
    """Copy a file or a folder to its place in `project`, links in it as what they lead to.

    Raises:
        SourceInvalid: A link in the folder leads nowhere, or a file cannot be read.
    """
    place = project / copied.place
    place.parent.mkdir(parents=True, exist_ok=True)
    if not copied.source.is_dir():
        shutil.copyfile(copied.source, place)
        return
    try:
        # The project may be made inside the folder that it is made of.
        shutil.copytree(copied.source, place, ignore=shutil.ignore_patterns(*_LEFT))
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise SourceInvalid(f"{source} cannot be copied: {reason}") from error


def _move(tree: Path, target: Path) -> None:
    if not target.is_dir():
        tree.rename(target)
        return
    # The folder may be somebody's current one, so it stays and gets what the other holds.
    moved: list[Path] = []
    try:
        for path in sorted(tree.iterdir()):
            moved.append(path.rename(target / path.name))
    except OSError:
        for path in moved:
            path.rename(tree / path.name)
        raise


def _refuse_taken(target: Path) -> None:
    if not target.exists() and not target.is_symlink():
        return
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return
    what = "is not empty" if target.is_dir() else "is no folder"
    beside = target.with_name(f"{target.name}-2")
    raise TargetTaken(
        f"{target} {what}; nothing was written",
        hint=f"name another folder behind the path, for example {shlex.quote(str(beside))}",
    )


@contextlib.contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise FileProblem.of(error) from error
