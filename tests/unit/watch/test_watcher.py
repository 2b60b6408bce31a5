from __future__ import annotations

import queue
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from algo.watch.watcher import FolderWatcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.watch.interface import Change


class Seen:
    """A watcher on a folder, and the changes it told."""

    def __init__(self, root: Path, quiet: float = 0.02) -> None:
        self.changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self.watcher = FolderWatcher(root, quiet=quiet)
        self.watcher.start(self.changes.put)

    def next(self) -> tuple[str, ...]:
        return self.changes.get(timeout=3).paths

    def nothing(self) -> bool:
        try:
            self.changes.get(timeout=0.15)
        except queue.Empty:
            return True
        return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "digits.py").write_text("one")
    return tmp_path


@pytest.fixture
def seen(root: Path) -> Iterator[Seen]:
    seen = Seen(root)
    yield seen
    seen.watcher.stop()


def test_a_plain_save_is_one_change(root: Path, seen: Seen) -> None:
    (root / "src" / "digits.py").write_text("two")
    assert seen.next() == ("src/digits.py",)
    assert seen.nothing()


def test_an_atomic_save_is_one_change(root: Path, seen: Seen) -> None:
    temporary = root / "src" / ".digits.py.tmp"
    temporary.write_text("two")
    temporary.replace(root / "src" / "digits.py")
    assert seen.next() == ("src/digits.py",)
    assert seen.nothing()


def test_vims_way_of_saving_is_one_change(root: Path, seen: Seen) -> None:
    file = root / "src" / "digits.py"
    (root / "src" / "4913").write_text("")
    (root / "src" / "4913").unlink()
    file.rename(root / "src" / "digits.py~")
    file.write_text("two")
    (root / "src" / "digits.py~").unlink()
    assert seen.next() == ("src/digits.py",)
    assert seen.nothing()


def test_a_file_that_is_emptied_and_written_later_is_one_change(root: Path, seen: Seen) -> None:
    with (root / "src" / "digits.py").open("w") as opened:
        time.sleep(0.12)
        assert seen.changes.empty(), "it is not written yet"
        opened.write("two")
    assert seen.next() == ("src/digits.py",)
    assert seen.nothing()


def test_a_file_that_stays_empty_is_a_change(root: Path, seen: Seen) -> None:
    (root / "src" / "digits.py").write_text("")
    assert seen.next() == ("src/digits.py",)
    assert seen.nothing()


def test_saving_the_same_content_is_no_change(root: Path, seen: Seen) -> None:
    (root / "src" / "digits.py").write_text("one")
    assert seen.nothing()


def test_a_deleted_file_is_a_change(root: Path, seen: Seen) -> None:
    (root / "src" / "digits.py").unlink()
    assert seen.next() == ("src/digits.py",)


def test_a_new_folder_is_watched_too(root: Path, seen: Seen) -> None:
    (root / "helpers" / "deep").mkdir(parents=True)
    (root / "helpers" / "deep" / "a.py").write_text("1")
    assert seen.next() == ("helpers/deep/a.py",)
    (root / "helpers" / "deep" / "a.py").write_text("2")
    assert seen.next() == ("helpers/deep/a.py",)


def test_a_folder_that_was_removed_and_made_again_is_watched(root: Path, seen: Seen) -> None:
    shutil.rmtree(root / "src")
    assert seen.next() == ("src/digits.py",)
    (root / "src").mkdir()
    for content in ("two", "three"):
        (root / "src" / "digits.py").write_text(content)
        assert seen.next() == ("src/digits.py",)


def test_a_folder_that_was_replaced_by_another_is_watched(root: Path, seen: Seen) -> None:
    (root / "new").mkdir()
    (root / "new" / "digits.py").write_text("two")
    assert seen.next() == ("new/digits.py",)
    (root / "src").rename(root / "old")
    (root / "new").rename(root / "src")
    gone = {"new/digits.py", "old/digits.py", "src/digits.py"}
    while gone:  # two renames are two changes when the machine is busy between them
        gone -= set(seen.next())
    (root / "src" / "digits.py").write_text("three")
    assert seen.next() == ("src/digits.py",)
    (root / "old" / "digits.py").write_text("four")
    assert seen.next() == ("old/digits.py",)


def test_many_files_at_once_are_one_change(root: Path) -> None:
    seen = Seen(root, quiet=0.3)  # on a busy machine the writer pauses, too
    for number in range(50):
        (root / "src" / f"m{number:02}.py").write_text("x")
    assert len(seen.next()) == 50
    assert seen.nothing()
    seen.watcher.stop()


def test_ignored_files_are_no_change(root: Path, seen: Seen) -> None:
    (root / "src" / "digits.py.swp").write_text("x")
    (root / "README.md").write_text("x")
    assert seen.nothing()


def test_algoignore_can_change_while_watching(root: Path, seen: Seen) -> None:
    (root / ".algoignore").write_text("*.csv\n")
    assert seen.next() == (".algoignore",)
    (root / "src" / "a.csv").write_text("x")
    assert seen.nothing()
