from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from algo.images import unchanged
from algo.images.cache import Cache
from algo.images.unchanged import Reading, Shown, reads_elsewhere, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def now(*places: Path) -> str:
    return state(places, tick=0)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("x = 1\n")
    (root / "src" / "b.py").write_text("y = 1\n")
    (root / "src" / "c.py").symlink_to("b.py")
    (root / "algo.toml").write_text("[algorithm]\n")
    (root / ".git").mkdir()
    time.sleep(0.02)  # a clock's tick
    return root


def same_size_and_time(root: Path) -> None:
    path = root / "src" / "a.py"
    before = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        same_size_and_time,
        lambda root: (root / "src" / "new.py").touch(),
        lambda root: (root / "src" / "a.py").unlink(),
        lambda root: (root / "src" / "a.py").chmod(0o755),
        lambda root: (root / "src" / "a.py").rename(root / "src" / "d.py"),
        lambda root: (root / "src").rename(root / "lib"),
        lambda root: (root / "src" / "b.py").write_text("y = 3\n"),
        lambda root: ((root / "src" / "c.py").unlink(), (root / "src" / "c.py").symlink_to("a.py")),
    ],
)
def test_every_change_is_another_state(project: Path, change: Callable[[Path], object]) -> None:
    before = now(project)
    assert before
    assert now(project) == before
    change(project)
    time.sleep(0.02)
    assert now(project) not in {"", before}


def test_what_is_never_in_an_image_does_not_count(project: Path) -> None:
    before = now(project)
    for name in (".git", "__pycache__", "node_modules"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "x").touch()
    assert now(project) == before


def test_words_are_a_part_of_the_state(project: Path) -> None:
    assert state((project,), ("a", "b"), tick=0) != state((project,), ("ab", ""), tick=0)


def test_what_was_written_just_now_says_nothing(project: Path) -> None:
    assert state((project,)) == ""


@pytest.mark.parametrize("aim", ["..", "../other.py", "nothing"])
def test_a_link_that_leads_elsewhere_says_nothing(project: Path, aim: str) -> None:
    (project.parent / "other.py").touch()
    (project / "link").symlink_to(aim)
    assert now(project) == ""


def test_too_many_files_say_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_MOST", 5)
    assert now(project) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".algoignore", "/tests/\n!venv/\n"),
        ("requirements.in", "-r ../shared.in\n"),
        ("requirements.txt", "six\n -c /etc/pins.txt\n"),
        ("pyproject.toml", 'dependencies = ["lib @ file:../lib"]\n'),
    ],
)
def test_what_lies_elsewhere_is_read_by_no_state(project: Path, name: str, text: str) -> None:
    assert not reads_elsewhere(project)
    (project / name).write_text(text)
    assert reads_elsewhere(project)


def test_a_note_is_recalled_for_its_state_alone(project: Path, tmp_path: Path) -> None:
    reading = Reading(project, (), ("store",), Cache(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()

    def shown(of: str) -> Shown:
        return Shown(of, ((True, "w"),), (), {"digest": "d"}, "d")

    reading.remember(shown(reading.state()))
    assert reading.recall("") is None  # written just now
    project_state = state((project,), ("store",), tick=0)
    reading.cache.remember(unchanged.NOTES, reading._key, shown(project_state))
    assert reading.recall(project_state) == shown(project_state)
    assert reading.recall(project_state[::-1]) is None
    assert Reading(project, (), ("docker",), reading.cache).recall(project_state) is None


def test_a_link_that_leads_to_itself_is_no_state(project: Path) -> None:
    (project / "src" / "loop").symlink_to("loop")
    assert now(project) == ""
