"""Which files are in the code layer, and where the result of a build may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.errors import OutputInvalid
from algo.images.code import code_entries, outside_code
from algo.images.errors import UnreadableFile

from tests.unit.images.projects import project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["algo.toml", "algo.lock", "requirements.in", "models/small.bin", "dist/notes.md"]
)
def test_a_file_of_the_project_is_not_written_over(tmp_path: Path, name: str) -> None:
    made = project(tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "notes.md").write_text("mine")
    with pytest.raises(OutputInvalid, match=f"{name} is a file of the project") as caught:
        outside_code(made, tmp_path / name)
    stem = name.rpartition("/")[2].partition(".")[0]
    assert caught.value.hint == f"mkdir -p dist && algo build -o dist/{stem}.tar"


def test_rules_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    made = project(tmp_path)
    (tmp_path / ".algoignore").write_bytes(b"/secrets\n/\xe9t\xe9\n")
    with pytest.raises(UnreadableFile, match=r"\.algoignore is not UTF-8 at byte 10"):
        code_entries(made)


@pytest.mark.parametrize("before", [bytes(257) + b"ustar", b'{"bomFormat":"CycloneDX"', b""])
def test_a_result_takes_the_place_of_the_one_before(tmp_path: Path, before: bytes) -> None:
    made = project(tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "image.tar").write_bytes(before)
    assert outside_code(made, tmp_path / "dist" / "image.tar") == tmp_path / "dist" / "image.tar"
