from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import RequirementInvalid
from algo.environments.requirements import find_requirements, inputs_digest

if TYPE_CHECKING:
    from pathlib import Path


def digest(root: Path, python: str = ">=3.11") -> str:
    return inputs_digest(find_requirements(root), python)


def test_requirements_in_comes_before_requirements_txt_and_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["six"]\n')
    assert [one.name for one in find_requirements(tmp_path).runtime] == ["pyproject.toml"]
    (tmp_path / "requirements.txt").write_text("six\n")
    assert [one.name for one in find_requirements(tmp_path).runtime] == ["requirements.txt"]
    (tmp_path / "requirements.in").write_text("six\n")
    assert [one.name for one in find_requirements(tmp_path).runtime] == ["requirements.in"]


def test_a_pyproject_without_dependencies_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 88\n")

    assert find_requirements(tmp_path).runtime == ()


def test_the_digest_ignores_times_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "requirements.in"
    path.write_text("six\n")
    before = digest(tmp_path)
    path.write_text("# the compatibility layer\n\nsix   # still needed\n")
    os.utime(path, (1, 1))

    assert digest(tmp_path) == before


def test_the_digest_changes_with_an_included_file_and_with_the_python(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("-r base.in\n")
    (tmp_path / "base.in").write_text("six\n")
    before = digest(tmp_path)
    (tmp_path / "base.in").write_text("six>1\n")

    assert digest(tmp_path) != before
    assert digest(tmp_path, "3.13") != digest(tmp_path)


def test_a_missing_included_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("-r base.in\n")

    with pytest.raises(RequirementInvalid, match=r"base\.in cannot be read"):
        digest(tmp_path)


def test_files_that_include_each_other_do_not_hang(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("-r other.in\nsix\n")
    (tmp_path / "other.in").write_text("-r requirements.in\n")

    assert digest(tmp_path).startswith("sha256:")
