from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.scaffold.errors import ScaffoldUnwritable, WouldOverwrite
from algo.scaffold.plan import PlannedFile
from algo.scaffold.write import write

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    PlannedFile("README.md", b"read"),
    PlannedFile("bin/go", b"#!/bin/sh\n", executable=True),
    PlannedFile("src/a.py", b"a = 1\n"),
)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


WHOLE = ["README.md", "bin", "bin/go", "src", "src/a.py"]


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    write(FILES, tmp_path / "x" / "y")
    assert tree(tmp_path / "x" / "y") == WHOLE
    assert (tmp_path / "x" / "y" / "src" / "a.py").read_bytes() == b"a = 1\n"
    assert os.access(tmp_path / "x" / "y" / "bin" / "go", os.X_OK)


def test_a_new_folder_has_the_rights_of_any_other(tmp_path: Path) -> None:
    write(FILES, tmp_path / "y")
    (tmp_path / "z").mkdir()
    assert (tmp_path / "y").stat().st_mode == (tmp_path / "z").stat().st_mode


def test_a_folder_with_other_files_is_filled(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").write_text("mine")
    write(FILES, tmp_path)
    assert tree(tmp_path) == sorted([*WHOLE, "src/mine.py"])


def test_all_files_that_would_be_overwritten_are_named_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").symlink_to("nowhere")
    with pytest.raises(WouldOverwrite) as raised:
        write(FILES, tmp_path)
    assert raised.value.details.splitlines() == ["README.md", "src/a.py"]
    assert tree(tmp_path) == ["README.md", "src", "src/a.py"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_file_where_a_folder_is_needed_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "src").write_text("a file")
    with pytest.raises(WouldOverwrite) as raised:
        write(FILES, tmp_path)
    assert raised.value.details == "src"


@pytest.mark.parametrize("dangling", [True, False])
def test_a_file_in_the_folders_place_is_a_conflict(tmp_path: Path, dangling: bool) -> None:
    place = tmp_path / "x"
    if dangling:
        place.symlink_to("nowhere")
    else:
        place.write_text("a file")
    with pytest.raises(WouldOverwrite):
        write(FILES, place)
    assert tree(tmp_path) == ["x"]


# A name longer than any file system takes fails in the middle of the tree, for root too.
BROKEN = (*FILES, PlannedFile("z" * 300, b""))


def test_a_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldUnwritable, match="name too long"):
        write(BROKEN, tmp_path / "x" / "y")
    assert tree(tmp_path) == []


def test_a_failure_leaves_an_existing_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ScaffoldUnwritable):
        write(BROKEN, tmp_path)
    assert tree(tmp_path) == ["mine"]
