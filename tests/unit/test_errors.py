"""What the system said of a file, told to people."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from algo.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", [".algo.lock.tmp", ".algo.lock.4711.tmp", "algo.lock"])
def test_a_file_that_cannot_be_made_is_told_by_its_name_and_its_folder(
    tmp_path: Path, name: str
) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "a b" / name))
    problem = FileProblem.of(refused)
    assert problem.message == f"{tmp_path / 'a b' / 'algo.lock'}: permission denied"
    assert problem.hint == f"ls -ld {tmp_path}"
    (tmp_path / "a b").mkdir()
    assert FileProblem.of(refused).hint == f"ls -ld '{tmp_path / 'a b'}'"
    (tmp_path / "a b" / "algo.lock").symlink_to("nowhere")
    # What was to take its place was refused by the folder, whatever the file allows.
    refuses = tmp_path / "a b" if name.startswith(".") else tmp_path / "a b" / name
    assert FileProblem.of(refused).hint == f"ls -ld '{refuses}'"
