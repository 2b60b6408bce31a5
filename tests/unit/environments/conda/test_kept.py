from __future__ import annotations

from typing import TYPE_CHECKING

from algo.environments.conda.kept import CondaFiles, home_of, using
from algo.resources import user_folders

if TYPE_CHECKING:
    from pathlib import Path


def test_what_environments_are_made_from_is_listed_and_may_go(tmp_path: Path) -> None:
    folders = user_folders(str(tmp_path))
    files = CondaFiles(folders)
    assert files.items() == []
    with using(folders) as home:
        for place in ("archives/ab", "packages/x-1-0", "locks/cd", "repodata"):
            (home / place).mkdir(parents=True)
        assert {item.kept for item in files.items()} == {"in use"}
        assert files.remove(files.items()[0]) == "in use"
    names = [item.name for item in files.items()]

    assert names == ["archives/ab", "packages/x-1-0", "locks/cd", "conda/repodata"]
    assert [files.remove(item) for item in files.items()] == ["", "", "", ""]
    assert files.items() == []
    assert home_of(folders).is_dir()


def test_what_a_killed_command_left_half_removed_is_of_no_use(tmp_path: Path) -> None:
    folders = user_folders(str(tmp_path))
    (home_of(folders) / "packages" / ".gone-1-x").mkdir(parents=True)
    with using(folders):
        (item,) = CondaFiles(folders).items()
        assert (item.unfindable, item.kept) == (True, "")
