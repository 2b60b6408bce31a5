from __future__ import annotations

from typing import TYPE_CHECKING

from algo.environments.state import said_by

if TYPE_CHECKING:
    from pathlib import Path


def test_a_project_that_was_moved_away_says_the_same_thing_until_it_is_back(tmp_path: Path) -> None:
    root = tmp_path / "hello"
    gone = said_by(root)
    assert said_by(root) == gone
    root.mkdir()
    (root / "algo.toml").write_text("[algorithm]\n")
    assert said_by(root) != gone


def test_an_edit_of_the_projects_dockerfile_says_something_else(tmp_path: Path) -> None:
    (tmp_path / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "p.py:apply"\n'
        '[environment]\ndockerfile = "docker/Dockerfile"\n'
    )
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM debian:trixie-slim\n")
    before = said_by(tmp_path)
    assert said_by(tmp_path) == before
    (tmp_path / "docker" / "Dockerfile").write_text("FROM debian:trixie-slim\nRUN true\n")
    assert said_by(tmp_path) != before
