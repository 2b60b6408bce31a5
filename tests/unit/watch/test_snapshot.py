from __future__ import annotations

import os
from typing import TYPE_CHECKING

from algo.watch.ignore import IgnoreRules
from algo.watch.snapshot import HASHED_UP_TO, Snapshot

if TYPE_CHECKING:
    from pathlib import Path


def taken(root: Path) -> Snapshot:
    snapshot = Snapshot(root, IgnoreRules.of())
    snapshot.take()
    return snapshot


def test_a_touched_file_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    snapshot = taken(tmp_path)
    os.utime(tmp_path / "a.py", (1, 1))
    assert snapshot.changed(["a.py"]) == ()


def test_a_change_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    snapshot = taken(tmp_path)
    (tmp_path / "a.py").write_text("x = 2")
    assert snapshot.changed(["a.py"]) == ("a.py",)
    assert snapshot.changed(["a.py"]) == ()


def test_new_and_deleted_files_count(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("")
    snapshot = taken(tmp_path)
    (tmp_path / "old.py").unlink()
    (tmp_path / "new.py").write_text("")
    assert snapshot.changed(["old.py", "new.py", "never.py"]) == ("new.py", "old.py")


def test_a_moved_folder_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    snapshot = taken(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert snapshot.changed(["a", "b"]) == ("a/x.py", "b/x.py")


def test_large_files_are_told_apart_by_size_and_time(tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"\0" * (HASHED_UP_TO + 1))
    snapshot = taken(tmp_path)
    assert snapshot.changed(["weights.bin"]) == ()
    os.utime(weights, (1, 1))
    assert snapshot.changed(["weights.bin"]) == ("weights.bin",)


def test_a_folder_in_the_place_of_a_file_counts_as_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    snapshot = taken(tmp_path)
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").mkdir()
    (tmp_path / "a.py" / "b.py").write_text("y = 1")
    assert snapshot.changed(["a.py"]) == ("a.py", "a.py/b.py")
    assert snapshot.changed(["a.py"]) == ()


def test_a_file_in_the_place_of_a_folder_counts_with_what_lay_below(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("y = 1")
    snapshot = taken(tmp_path)
    (tmp_path / "a" / "b.py").unlink()
    (tmp_path / "a").rmdir()
    (tmp_path / "a").write_text("x = 1")
    assert snapshot.changed(["a"]) == ("a", "a/b.py")
