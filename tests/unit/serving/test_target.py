from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.project.errors import ProjectNotFound
from algo.project.project import Project
from algo.serving.errors import InputInvalid, TargetUnknown
from algo.serving.target import UrlTarget, VersionTarget, find_target, split_words

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[algorithm]
name = "acme/hello"
language = "python"
entrypoint = "src/hello.py:apply"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "acme" / "hello"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    return root


def test_nothing_is_the_project_around_the_folder(project: Path) -> None:
    found = find_target("", project / "src")
    assert isinstance(found, Project)
    assert found.root == project


@pytest.mark.parametrize("text", ["acme/hello", "acme/hello/algo.toml", "./acme/hello"])
def test_a_folder_that_exists_is_a_project(project: Path, tmp_path: Path, text: str) -> None:
    found = find_target(text, tmp_path)
    assert isinstance(found, Project)


@pytest.mark.parametrize(
    "text",
    ["acme/hello", "acme/hello:1.0.0", "localhost:5000/acme/hello@sha256:00", "acme/hello:^1"],
)
def test_what_is_no_folder_is_a_reference(tmp_path: Path, text: str) -> None:
    assert find_target(text, tmp_path) == VersionTarget(text)


def test_a_url_is_a_running_service(tmp_path: Path) -> None:
    assert find_target("http://h:1/", tmp_path) == UrlTarget("http://h:1")


@pytest.mark.parametrize("text", ["hello", "./missing", "/missing/there", "two words"])
def test_anything_else_is_unknown(tmp_path: Path, text: str) -> None:
    with pytest.raises(TargetUnknown):
        find_target(text, tmp_path)


def test_a_folder_without_a_manifest_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectNotFound):
        find_target("empty", tmp_path)


def test_words_are_a_target_and_a_dash() -> None:
    assert split_words([]) == ("", False)
    assert split_words(["-"]) == ("", True)
    assert split_words(["a", "-"]) == ("a", True)
    with pytest.raises(InputInvalid):
        split_words(["a", "{}"])
