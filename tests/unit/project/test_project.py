"""Which folder is a project, and what is said where none is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.project.errors import ProjectNotFound
from algo.project.project import MANIFESTS, Project, projects_below

if TYPE_CHECKING:
    from pathlib import Path


def put(root: Path, *folders: str, manifest: str = "algo.toml") -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / manifest).write_text("")


def hint(folder: Path) -> str:
    with pytest.raises(ProjectNotFound) as caught:
        Project.find(folder)
    assert all(f"no {name}" in caught.value.message for name in MANIFESTS)
    return caught.value.hint


def test_where_there_is_no_project_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert hint(tmp_path) == "algo init OWNER/NAME"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_project_in_a_folder_is_named(tmp_path: Path, manifest: str) -> None:
    put(tmp_path, "my digits", manifest=manifest)
    assert hint(tmp_path) == "cd 'my digits'"


def test_of_many_projects_some_are_named(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", "c", "d")
    assert hint(tmp_path) == "cd a, or b or c, …"


def test_projects_in_folders_of_folders_are_found_where_there_is_none_nearer(
    tmp_path: Path,
) -> None:
    put(tmp_path, "services/a", "services/deeper/b", ".hidden/c")
    assert projects_below(tmp_path) == ["services/a"]


def test_a_folder_that_is_named_and_holds_projects_is_told_with_one(tmp_path: Path) -> None:
    put(tmp_path, "a")
    with pytest.raises(ProjectNotFound) as caught:
        Project.open(tmp_path)
    assert caught.value.hint == "name a project in it: a"


def test_what_is_declared_is_of_one_reading(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "r"\nentrypoint = "src/p.R:apply"\n'
    )
    schema = tmp_path / "schema.json"
    schema.write_text('{"input": {"type": "string"}}')
    project = Project.open(tmp_path)
    first = project.declared
    schema.write_text("no JSON any more")
    assert project.declared is first == {"input": {"type": "string"}}
    schema.write_text('{"input": {"type": "number"}}')
    assert Project.open(tmp_path).declared == {"input": {"type": "number"}}
