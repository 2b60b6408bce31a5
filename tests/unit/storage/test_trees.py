from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.storage.trees import COMPLETE, ensure_tree, prune_trees

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path) -> None:
    (folder / "file").write_text("content")


def test_a_tree_is_made_once_and_again_when_it_is_of_an_earlier_run(tmp_path: Path) -> None:
    made: list[Path] = []
    tree = ensure_tree(tmp_path, "a", fill)
    assert (tree / "file").read_text() == "content"
    assert ensure_tree(tmp_path, "a", made.append) == tree
    assert made == []
    (tree.parent / COMPLETE).write_text("another run of the machine")
    ensure_tree(tmp_path, "a", made.append)
    assert made == [tree]


def test_what_could_not_be_made_is_not_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ensure_tree(tmp_path, "a", fail)
    assert not (tmp_path / "a").exists()
    assert list((ensure_tree(tmp_path, "a", lambda folder: None)).iterdir()) == []


def test_the_oldest_trees_that_nobody_uses_go(tmp_path: Path) -> None:
    for number in range(4):
        root = tmp_path / f"a-{number}"
        root.mkdir()
        (root / COMPLETE).touch()
        os.utime(root / COMPLETE, (number, number))
    (tmp_path / "b-0").mkdir()
    (tmp_path / "b-0" / COMPLETE).touch()
    prune_trees(tmp_path, "a-", keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2", "a-3", "b-0"]
