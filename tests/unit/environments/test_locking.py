from __future__ import annotations

from pathlib import Path

import pytest
from algo.environments.errors import (
    PythonNotFound,
    PythonUnsupported,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.interpreters import Interpreter, admits
from algo.environments.locking import Locking, ensure_lock, make_lock
from algo.environments.upgrade import Upgrade
from algo.events import Event, Note, Warned, silent
from algo.project.errors import LockInvalid
from algo.project.lock import Lock, Pin, Target, write
from algo.project.project import Project

from tests.fakes.packages import FakePackages, hash_of

HOST = Interpreter(Path("/usr/bin/python3"), "3.11.7", "linux/amd64")


def project(root: Path, requirements: str = "six\n", python: str = ">=3.11") -> Project:
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "src/p.py:apply"\n'
        f'[environment]\npython = "{python}"\n'
    )
    (root / "requirements.in").write_text(requirements)
    return Project.open(root)


def versions(lock: Lock) -> dict[str, str]:
    return {str(target): ",".join(p.version for p in pins) for target, pins in lock.targets.items()}


def test_the_lock_covers_both_images_and_the_host(tmp_path: Path) -> None:
    lock = ensure_lock(project(tmp_path), Locking(FakePackages(), HOST, "3.13"), notify=silent)

    assert versions(lock) == {
        "linux/amd64 python3.13 runtime": "1.17",
        "linux/arm64 python3.13 runtime": "1.17",
        "linux/amd64 python3.11 runtime": "1.17",
        "linux/amd64 python3.11 test": "",
    }


def test_a_lock_that_fits_is_not_made_again(tmp_path: Path) -> None:
    packages, events = FakePackages(), list[Event]()
    here = project(tmp_path)
    first = ensure_lock(here, Locking(packages, HOST, "3.13"), notify=events.append)
    packages.resolved.clear()

    assert ensure_lock(here, Locking(packages, HOST, "3.13"), notify=events.append) == first
    assert packages.resolved == []
    assert [e.text for e in events if isinstance(e, Note)] == ["No lock yet: writing algo.lock"]


def test_changed_requirements_are_noticed_and_locked_versions_kept(tmp_path: Path) -> None:
    packages, events = FakePackages({"six": ("1.16",), "rich": ("1",)}), list[Event]()
    locking = Locking(packages, HOST, "3.13")
    ensure_lock(project(tmp_path), locking, notify=silent)
    packages.index["six"] = ("1.16", "1.17")
    lock = ensure_lock(project(tmp_path, "six\nrich\n"), locking, notify=events.append)

    assert lock.versions() == {"six": "1.16", "rich": "1"}
    assert isinstance(events[0], Note)
    assert "changed" in events[0].text


def test_an_upgrade_takes_the_newest_versions(tmp_path: Path) -> None:
    packages = FakePackages({"six": ("1.16",)})
    locking = Locking(packages, HOST, "3.13")
    ensure_lock(project(tmp_path), locking, notify=silent)
    packages.index["six"] = ("1.16", "1.17")

    made = make_lock(project(tmp_path), locking, notify=silent, upgrade=Upgrade(everything=True))

    assert made.lock.versions() == {"six": "1.17"}


def test_the_test_group_holds_only_what_the_runtime_does_not(tmp_path: Path) -> None:
    packages = FakePackages({"six": ("1.17",), "pytest": ("9",)})
    here = project(tmp_path)
    (tmp_path / "requirements-test.in").write_text("pytest\nsix\n")
    lock = ensure_lock(here, Locking(packages, HOST, "3.13"), notify=silent)

    test = lock.pins(Target("linux/amd64", "3.11", "test"))
    assert test == (Pin("pytest", "9", (hash_of("pytest", "9"),)),)


def test_another_machine_adds_its_targets_and_keeps_the_first_ones(tmp_path: Path) -> None:
    mac = Interpreter(Path("/usr/bin/python3"), "3.12.1", "darwin/arm64")
    here = project(tmp_path)
    ensure_lock(here, Locking(FakePackages(), HOST, "3.13"), notify=silent)
    lock = ensure_lock(here, Locking(FakePackages(), mac, "3.13"), notify=silent)

    assert "linux/amd64 python3.11 test" in versions(lock)
    assert "darwin/arm64 python3.12 runtime" in versions(lock)


def test_an_image_python_that_the_project_excludes_is_refused(tmp_path: Path) -> None:
    locking = Locking(FakePackages(), HOST, "3.13")

    with pytest.raises(PythonUnsupported, match=r"the image has 3\.13"):
        ensure_lock(project(tmp_path, python="3.11"), locking, notify=silent)


@pytest.mark.parametrize(
    ("asked", "told", "hint"),
    [
        (">=3.14", r"requires Python >=3\.14, and linux/amd64 python3\.13", "change requires-py"),
        (
            ">=3.12",
            r"requires Python >=3\.12, and linux/amd64 python3\.11",
            'set python = ">=3.12"',
        ),
    ],
)
def test_a_python_that_pyproject_excludes_is_refused(
    tmp_path: Path, asked: str, told: str, hint: str
) -> None:
    locking, here = Locking(FakePackages(), HOST, "3.13"), project(tmp_path)
    (tmp_path / "requirements.in").unlink()
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "p"\nrequires-python = "{asked}"\ndependencies = ["six"]\n'
    )
    with pytest.raises(PythonUnsupported, match=told) as refused:
        make_lock(here, locking, notify=silent)
    assert refused.value.exit_code == 5
    assert refused.value.hint.startswith(hint)


def test_a_python_of_which_some_release_is_asked_for_is_taken() -> None:
    assert admits(">=3.13.2,<3.13.5", "3.13", "pyproject.toml")
    assert not admits(">=3.13.2", "3.12", "pyproject.toml")
    with pytest.raises(RequirementInvalid, match=r"pyproject\.toml: requires-python 'new'"):
        admits("new", "3.13", "pyproject.toml")


def test_lock_mends_a_lock_that_cannot_be_read_and_nothing_else_does(tmp_path: Path) -> None:
    here, locking, events = project(tmp_path), Locking(FakePackages(), HOST, "3.13"), list[Event]()
    whole = ensure_lock(here, locking, notify=silent)
    here.lock_path.write_text(here.lock_path.read_text() + "<<<<<<< theirs\n")
    with pytest.raises(LockInvalid) as refused:
        ensure_lock(here, locking, notify=silent)
    assert refused.value.hint.startswith("algo lock makes it anew")

    assert make_lock(here, locking, notify=events.append).lock == whole
    assert [one for one in events if isinstance(one, Warned)]
    assert ensure_lock(here, locking, notify=silent) == whole


def test_a_failed_resolution_leaves_the_old_lock(tmp_path: Path) -> None:
    locking = Locking(FakePackages(), HOST, "3.13")
    ensure_lock(project(tmp_path), locking, notify=silent)
    before = (tmp_path / "algo.lock").read_bytes()

    with pytest.raises(Unsatisfiable):
        ensure_lock(project(tmp_path, "six==99\n"), locking, notify=silent)
    assert (tmp_path / "algo.lock").read_bytes() == before


def test_a_project_without_requirements_has_an_empty_lock(tmp_path: Path) -> None:
    here = project(tmp_path)
    (tmp_path / "requirements.in").unlink()
    lock = ensure_lock(here, Locking(FakePackages(), HOST, "3.13"), notify=silent)

    assert set(lock.targets.values()) == {()}


def test_the_runtime_digests_outlive_a_new_lock(tmp_path: Path) -> None:
    locking = Locking(FakePackages(), HOST, "3.13")
    here = project(tmp_path)
    lock = ensure_lock(here, locking, notify=silent).with_runtime("linux/amd64", "sha256:22")
    write(lock, here.lock_path)

    again = ensure_lock(project(tmp_path, "six==1.16\n"), locking, notify=silent)
    assert again.runtimes == {"linux/amd64": "sha256:22"}


def test_a_machine_without_a_fitting_python_locks_for_images(tmp_path: Path) -> None:
    missing = PythonNotFound("no Python on this machine meets '3.13'")
    locking = Locking(FakePackages(), missing, "3.13")
    lock = ensure_lock(project(tmp_path), locking, notify=silent)
    assert [str(target) for target in lock.targets] == [
        "linux/amd64 python3.13 runtime",
        "linux/arm64 python3.13 runtime",
    ]
    with pytest.raises(PythonNotFound, match=r"meets '3\.13'"):
        _ = locking.host


def test_a_target_keeps_its_own_version_and_a_new_package_is_the_same_everywhere(
    tmp_path: Path,
) -> None:
    packages = FakePackages({"six": ("1.16", "1.17"), "rich": ("1",)})
    here, locking = project(tmp_path), Locking(packages, HOST, "3.13")
    lock = ensure_lock(here, locking, notify=silent)
    host = Target("linux/amd64", "3.11")
    older = (Pin("six", "1.16", (hash_of("six", "1.16"),)),)
    write(lock.with_targets({host: older}), here.lock_path)

    again = ensure_lock(project(tmp_path, "six\nrich\n"), locking, notify=silent)

    assert [pin.version for pin in again.pins(host)] == ["1", "1.16"]
    assert [pin.version for pin in again.pins(Target("linux/amd64", "3.13"))] == ["1", "1.17"]


def test_only_what_is_named_is_upgraded(tmp_path: Path) -> None:
    packages = FakePackages({"six": ("1.16",), "rich": ("1",)})
    here, locking = project(tmp_path, "six\nrich\n"), Locking(packages, HOST, "3.13")
    ensure_lock(here, locking, notify=silent)
    packages.index = {"six": ("1.16", "1.17"), "rich": ("1", "2")}
    made = make_lock(here, locking, notify=silent, upgrade=Upgrade(packages=("rich",)))

    assert made.lock.versions() == {"six": "1.16", "rich": "2"}
    assert [str(one) for one in made.changes] == ["~ rich 1 → 2"]


def test_what_another_tools_lock_says_is_upgraded_by_that_tool(tmp_path: Path) -> None:
    locking, events = Locking(FakePackages(), HOST, "3.13"), list[Event]()
    here = project(tmp_path)
    ensure_lock(here, locking, notify=silent)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\ndependencies = ["six"]\n')
    (tmp_path / "uv.lock").write_text("six\n")  # as the fake reads it

    with pytest.raises(
        RequirementInvalid, match=r"the version of six is what uv\.lock says"
    ) as told:
        make_lock(here, locking, notify=silent, upgrade=Upgrade(packages=("six",)))
    assert told.value.hint == "uv lock --upgrade-package six, then: algo lock"

    make_lock(here, locking, notify=events.append, upgrade=Upgrade(everything=True))
    assert any(isinstance(one, Note) and "uv lock --upgrade" in one.text for one in events)
