"""How editors and git really write, call by call, on a real folder: each is one change."""

from __future__ import annotations

import os
import queue
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from algo.watch.watcher import FolderWatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.watch.interface import Change

# Far longer than a pause of this process on a busy machine.
QUIET = 0.15
SOURCE = "src/digits.py"


class Told:
    """What a watcher told of a folder."""

    def __init__(self) -> None:
        self.changes: queue.SimpleQueue[Change] = queue.SimpleQueue()

    def once(self) -> tuple[str, ...]:
        """Return the paths of the one change that came."""
        paths = self.changes.get(timeout=10).paths
        with pytest.raises(queue.Empty):
            self.changes.get(timeout=3 * QUIET)
        return paths


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    (folder / "src").mkdir(parents=True)
    (folder / SOURCE).write_text("one\n")
    return folder


@pytest.fixture
def told(root: Path) -> Iterator[Told]:
    told = Told()
    watcher = FolderWatcher(root, quiet=QUIET)
    watcher.start(told.changes.put)
    yield told
    watcher.stop()


def write(path: Path, text: str, flags: int = os.O_TRUNC) -> None:
    """Write as a program in C does: in pieces, flushed to the disk, then closed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
    for at in range(0, len(text), 3):
        os.write(handle, text[at : at + 3].encode())
    os.fsync(handle)
    os.close(handle)


def vim(file: Path, text: str) -> None:
    """`:w` with the defaults (backup, then a new file), the swap file open all the while."""
    folder = file.parent
    swap = folder / f".{file.name}.swp"
    write(swap, "b0VIM 9.0")
    write(folder / "4913", "", os.O_EXCL)
    (folder / "4913").chmod(0o644)
    (folder / "4913").unlink()
    backup = folder / f"{file.name}~"
    file.rename(backup)
    write(file, text)
    file.chmod(0o644)
    write(swap, "b0VIM 9.0 saved")
    backup.unlink()
    swap.unlink()


def vim_that_copies(file: Path, text: str) -> None:
    """`backupcopy=yes`: the backup is a copy, the file itself is written anew in its place."""
    backup = file.parent / f"{file.name}~"
    write(backup, file.read_text())
    write(file, text)
    backup.unlink()


def code(file: Path, text: str) -> None:
    """VS Code: truncated and written in its place, then looked at."""
    write(file, text)
    file.stat()


def code_atomically(file: Path, text: str) -> None:
    """VS Code's atomic write: another file, renamed over it."""
    fresh = file.with_name(f"{file.name}.vsctmp")
    write(fresh, text)
    fresh.replace(file)


def code_with_a_formatter(file: Path, text: str) -> None:
    """What was typed is saved, and what the formatter makes of it at once after."""
    write(file, text.replace("\n", "  \n\n\n"))
    code(file, text)


def jetbrains(file: Path, text: str) -> None:
    """Safe write: the new file beside it, the old one aside, then into its place."""
    fresh = file.with_name(f"{file.name}___jb_tmp___")
    old = file.with_name(f"{file.name}___jb_old___")
    write(fresh, text)
    file.rename(old)
    fresh.rename(file)
    old.unlink()


def emacs(file: Path, text: str) -> None:
    """A lock that is a link to nowhere, an auto-save, a backup by renaming, then the file."""
    lock = file.parent / f".#{file.name}"
    lock.symlink_to("ada@host.4711:1700000000")
    auto = file.parent / f"#{file.name}#"
    write(auto, text)
    file.rename(file.parent / f"{file.name}~")
    write(file, text)
    auto.unlink()
    lock.unlink()


def kde(file: Path, text: str) -> None:
    """QSaveFile: a name that no list of patterns knows, renamed over it."""
    fresh = file.with_name(f"{file.name}.kXqJbz")
    write(fresh, text)
    fresh.replace(file)


def black(file: Path, text: str) -> None:
    """A formatter of the command line: read, then written in one piece."""
    write(file, text + "\n\n\n")
    file.read_text()
    file.write_text(text)


SAVES = [
    vim,
    vim_that_copies,
    code,
    code_atomically,
    code_with_a_formatter,
    jetbrains,
    emacs,
    kde,
    black,
]


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_a_save_is_one_change(save: Callable[[Path, str], None], root: Path, told: Told) -> None:
    save(root / SOURCE, "two\n")
    assert told.once() == (SOURCE,)
    save(root / SOURCE, "three\n")
    assert told.once() == (SOURCE,)


def test_a_file_that_comes_back_was_never_gone(root: Path) -> None:
    told = Told()
    watcher = FolderWatcher(root, quiet=0.02, back_within=5)
    watcher.start(told.changes.put)
    (root / SOURCE).unlink()
    with pytest.raises(queue.Empty):
        told.changes.get(timeout=0.3)
    write(root / SOURCE, "two\n")
    assert told.once() == (SOURCE,)
    watcher.stop()


def test_a_file_that_does_not_come_back_is_a_change(root: Path, told: Told) -> None:
    (root / SOURCE).unlink()
    assert told.once() == (SOURCE,)


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def branches(root: Path) -> Path:
    """A repository whose branches `one` and `two` differ in 500 files."""
    git(root, "init", "-q", "-b", "one")
    for branch in ("one", "two"):
        for number in range(500):
            (root / "src" / f"m{number:03}.py").write_text(f"name = {branch!r}\n")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", branch)
        if branch == "one":
            git(root, "checkout", "-q", "-b", "two")
    git(root, "checkout", "-q", "one")
    return root


def test_a_checkout_of_500_files_is_one_change(branches: Path) -> None:
    told = Told()
    watcher = FolderWatcher(branches)
    watcher.start(told.changes.put)
    git(branches, "checkout", "-q", "two")
    assert len(told.once()) == 500
    (branches / "src" / "m007.py").write_text("name = 'edited'\n")
    assert told.once() == ("src/m007.py",)
    git(branches, "stash", "-q")
    assert told.once() == ("src/m007.py",)
    git(branches, "stash", "pop", "-q")
    assert told.once() == ("src/m007.py",)
    watcher.stop()


def test_files_that_git_writes_slowly_are_one_change(root: Path) -> None:
    git(root, "init", "-q")
    (root / "two").mkdir()
    told = Told()
    watcher = FolderWatcher(root, quiet=0.02)
    watcher.start(told.changes.put)
    lock = root / ".git" / "index.lock"
    lock.touch()
    (root / "two" / "a.py").write_text("a")
    with pytest.raises(queue.Empty):
        told.changes.get(timeout=0.3)
    (root / "two" / "b.py").write_text("b")
    lock.rename(root / ".git" / "index")
    assert told.once() == ("two/a.py", "two/b.py")
    watcher.stop()


def test_a_lock_that_a_killed_git_left_holds_nothing_up(root: Path) -> None:
    git(root, "init", "-q")
    told = Told()
    watcher = FolderWatcher(root, quiet=0.02)
    watcher.start(told.changes.put)
    lock = root / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    write(root / SOURCE, "two\n")
    assert told.changes.get(timeout=5).paths == (SOURCE,)
    watcher.stop()


def test_a_work_tree_has_its_lock_elsewhere(branches: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(branches, "worktree", "add", "-q", str(tree), "two")
    told = Told()
    watcher = FolderWatcher(tree)
    watcher.start(told.changes.put)
    git(tree, "checkout", "-q", "--detach", "one")
    assert len(told.once()) == 500
    watcher.stop()


def test_events_that_come_late_after_a_checkout_are_no_second_change(branches: Path) -> None:
    told = Told()
    watcher = LateWatcher(branches, quiet=0.02)
    watcher.start(told.changes.put)
    git(branches, "checkout", "-q", "two")
    assert len(told.once()) == 500
    watcher.stop()


class LateWatcher(FolderWatcher):
    """A watcher whose machine is busy: the second half of the events comes when git is done."""

    _count = 0

    def _noticed(self, absolute: str) -> None:
        self._count += 1
        if self._count == 250:
            time.sleep(0.5)
        super()._noticed(absolute)
