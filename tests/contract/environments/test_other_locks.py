"""Locks of other tools as what is locked, with the real uv and the real index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from algo.environments.errors import RequirementInvalid, RequirementsStale
from algo.environments.pip import Pip
from algo.environments.requirements import find_requirements
from algo.environments.uv import Uv
from algo.errors import InternalError
from algo.events import Event, Warned
from algo.project.lock import Target

if TYPE_CHECKING:
    from pathlib import Path

    from algo.project.lock import Pin

AMD64 = Target("linux/amd64", "3.13")
PYPROJECT = """
[project]
name = "p"
version = "1"
requires-python = ">=3.11"
dependencies = ["six<1.17"]
[dependency-groups]
test = ["iniconfig<2.1"]
"""


def uv(folder: Path, *arguments: str) -> None:
    Uv(os.environ).run([*arguments, "--quiet"], folder, InternalError("uv"))


def resolve(root: Path, target: Target = AMD64, *, test: bool = False) -> tuple[Pin, ...]:
    found = find_requirements(root)
    sources = found.test if test else found.runtime
    return Pip(os.environ).resolve(sources, target, wheels_only=True, prefer={})


def test_what_uv_locked_is_locked_and_a_stale_uv_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    uv(tmp_path, "lock")
    # The bounds go up: what was locked still fits, and is not what would be resolved anew.
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace("six<1.17", "six"))
    uv(tmp_path, "lock")
    locked, tests = resolve(tmp_path), resolve(tmp_path, test=True)

    assert [(pin.name, pin.version) for pin in locked] == [("six", "1.16.0")]
    assert [(pin.name, pin.version) for pin in tests] == [("iniconfig", "2.0.0")]
    Pip(os.environ).install(locked, AMD64, tmp_path / "t")
    assert '"1.16.0"' in (tmp_path / "t" / "six.py").read_text()

    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace("six<1.17", "six>=1.17"))
    with pytest.raises(RequirementsStale) as caught:
        resolve(tmp_path)
    assert (caught.value.hint, caught.value.exit_code) == ("uv lock", 5)

    (tmp_path / "uv.lock").write_text("<<<<<<< HEAD\n")
    with pytest.raises(RequirementInvalid, match=r"uv\.lock cannot be read") as broken:
        resolve(tmp_path)
    assert "rm uv.lock; uv lock" in broken.value.hint
    (tmp_path / "uv.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(RequirementInvalid, match=r"uv\.lock is not UTF-8 at byte 0"):
        resolve(tmp_path)


def test_a_pylock_of_all_platforms_gives_each_its_own(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("msgspec==0.20.0\ncolorama; sys_platform == 'win32'\n")
    form = ["--universal", "--format", "pylock.toml", "--python-version", "3.11"]
    uv(tmp_path, "pip", "compile", *form, "-o", "pylock.toml", "in.txt")
    arm64 = Target("linux/arm64", "3.13")
    pins = resolve(tmp_path, arm64)

    assert [(pin.name, pin.version) for pin in pins] == [("msgspec", "0.20.0")]
    Pip(os.environ).install(pins, arm64, tmp_path / "t")
    (library,) = (tmp_path / "t" / "msgspec").glob("*.so")
    assert "aarch64" in library.name


@pytest.mark.parametrize("what", ["group", "extra"])
def test_a_part_of_a_pyproject_is_what_tests_need(tmp_path: Path, what: str) -> None:
    text = PYPROJECT
    if what == "extra":
        text = text.replace("[dependency-groups]", "[project.optional-dependencies]")
    (tmp_path / "pyproject.toml").write_text(text)
    names = {pin.name for pin in resolve(tmp_path, test=True)}

    assert names == ({"iniconfig"} if what == "group" else {"iniconfig", "six"})
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_uv_lock_of_a_python_that_is_not_here_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    uv(tmp_path, "lock")
    for name in ("pyproject.toml", "uv.lock"):
        path = tmp_path / name
        path.write_text(path.read_text().replace(">=3.11", ">=3.99"))
    events: list[Event] = []
    pip = Pip(os.environ, notify=events.append)
    with pytest.raises(RequirementsStale, match=r"uv\.lock is for Python >=3\.99") as caught:
        pip.resolve(find_requirements(tmp_path).runtime, AMD64, wheels_only=True, prefer={})

    assert caught.value.hint.startswith('set python = ">=3.99" under [environment] of algo.toml')
    (warned,) = events
    assert isinstance(warned, Warned)
    assert "no Python here fits the project" in warned.text
