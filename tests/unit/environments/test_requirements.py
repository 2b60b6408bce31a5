from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import RequirementInvalid
from algo.environments.requirements import find_requirements, inputs_digest, lines_of

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
    assert find_requirements(tmp_path).unread == ("requirements.txt", "pyproject.toml")


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


def test_locks_of_other_tools_come_first_and_what_is_not_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("six\n")
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["six"]\n')
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\n')
    assert [one.name for one in find_requirements(tmp_path).runtime] == ["pylock.toml"]
    (tmp_path / "uv.lock").write_text("version = 1\n")
    found = find_requirements(tmp_path)

    assert [one.name for one in found.runtime] == ["uv.lock"]
    assert found.unread == ("pylock.toml", "requirements.in")


def test_a_uv_lock_beside_a_pyproject_of_tools_alone_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("six\n")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 88\n")
    (tmp_path / "uv.lock").write_text("version = 1\n")

    assert [one.name for one in find_requirements(tmp_path).runtime] == ["requirements.in"]


def test_the_manifest_can_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("six\n")
    (tmp_path / "serve.in").write_text("rich\n")
    assert [one.name for one in find_requirements(tmp_path, "serve.in").runtime] == ["serve.in"]
    with pytest.raises(RequirementInvalid, match=r"names other\.in, which is not there"):
        find_requirements(tmp_path, "other.in")


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [
        (
            '[dependency-groups]\ntest = ["pytest", {include-group = "l"}]\nl = ["ruff"]',
            "pyproject.toml (group test)",
            ["pytest", "ruff"],
        ),
        ('[dependency-groups]\ndev = ["pytest"]', "pyproject.toml (group dev)", ["pytest"]),
        (
            '[project.optional-dependencies]\ntest = ["pytest"]',
            "pyproject.toml (extra test)",
            ["pytest"],
        ),
    ],
)
def test_what_tests_need_is_a_group_of_the_project(
    tmp_path: Path, text: str, name: str, lines: list[str]
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[project]\nname = "p"\ndependencies = ["six"]\n{text}\n')
    (source,) = find_requirements(tmp_path).test
    assert (source.name, [line.text for line in lines_of(source)]) == (name, lines)

    before = digest(tmp_path)
    path.write_text(path.read_text().replace('"pytest"', '"pytest>8"'))
    assert digest(tmp_path) != before


def test_credentials_do_not_count_and_show_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "requirements.in"
    path.write_text("--index-url https://me:secret@packages.example.com/simple\nsix\n")
    before = digest(tmp_path)
    path.write_text("--index-url https://you:other@packages.example.com/simple\nsix\n")
    assert digest(tmp_path) == before
    path.write_text("--index-url https://packages.example.org/simple\nsix\n")
    assert digest(tmp_path) != before


def test_a_gpu_asks_for_other_packages(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("torch\n")
    found = find_requirements(tmp_path)

    assert inputs_digest(found, "3.13", gpu=True) != inputs_digest(found, "3.13")


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").mkdir()

    with pytest.raises(RequirementInvalid, match=r"requirements\.in is a folder"):
        find_requirements(tmp_path)


def test_a_link_to_nothing_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").symlink_to("../shared/requirements.in")

    with pytest.raises(RequirementInvalid, match=r"requirements\.in is a link to \.\./shared"):
        find_requirements(tmp_path)


def test_a_uv_lock_without_its_pyproject_is_told_where_nothing_else_counts(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n")
    with pytest.raises(RequirementInvalid, match=r"uv\.lock is there without the pyproject\.toml"):
        find_requirements(tmp_path)

    (tmp_path / "requirements.in").write_text("six\n")
    (source,) = find_requirements(tmp_path).runtime
    assert source.name == "requirements.in"
