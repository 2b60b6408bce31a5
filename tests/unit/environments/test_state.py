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
