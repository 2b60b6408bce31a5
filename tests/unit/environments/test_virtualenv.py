from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from algo.environments.errors import CommandNotFound, PythonNotFound
from algo.environments.execute import execute
from algo.environments.interpreters import find_interpreter, fits, probe, this_interpreter
from algo.environments.virtualenv import HostEnvironment, ensure_environment, unfinished
from algo.events import silent
from algo.project.errors import ManifestInvalid
from algo.project.lock import Lock, Pin, Target
from algo.resources import Folders, user_folders

from tests.fakes.packages import FakePackages, hash_of

HOST = this_interpreter()
RUNTIME = Target(HOST.platform, HOST.minor)
TEST = Target(HOST.platform, HOST.minor, "test")


def pin(name: str, version: str) -> Pin:
    return Pin(name, version, (hash_of(name, version),))


LOCK = Lock("", {RUNTIME: (pin("six", "1.17"),), TEST: (pin("pytest", "9"),)}, {})


def ensure(folders: Folders, packages: FakePackages, *, tests: bool = False) -> HostEnvironment:
    return ensure_environment(LOCK, HOST, packages, folders, tests=tests, notify=silent)


def test_the_environment_holds_the_locked_packages_and_is_made_once(tmp_path: Path) -> None:
    folders, packages = user_folders(str(tmp_path)), FakePackages()
    first = ensure(folders, packages)
    again = ensure(folders, packages)
    done = subprocess.run(
        [first.python, "-c", "import six; print(six.v)"], capture_output=True, text=True, check=True
    )

    assert done.stdout == "1.17\n"
    assert (first.created, again.created) == (True, False)
    assert again.root == first.root
    assert len(packages.installed) == 1


def test_the_tests_get_an_environment_of_their_own(tmp_path: Path) -> None:
    folders, packages = user_folders(str(tmp_path)), FakePackages()
    plain, tests = ensure(folders, packages), ensure(folders, packages, tests=True)

    assert plain.root != tests.root
    assert [one.name for one in packages.installed[1]] == ["six", "pytest"]


def test_many_at_once_make_it_once(tmp_path: Path) -> None:
    folders, packages = user_folders(str(tmp_path)), FakePackages()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ensure(folders, packages), range(4)))

    assert [one.created for one in made].count(True) == 1


def test_an_unfinished_environment_is_listed_and_made_anew(tmp_path: Path) -> None:
    folders, packages = user_folders(str(tmp_path)), FakePackages()
    root = ensure(folders, packages).root
    (root / "algo-complete").unlink()

    assert unfinished(folders) == (root,)
    assert ensure(folders, packages).created
    assert unfinished(folders) == ()


def test_a_command_runs_in_the_project_with_the_environment_active(tmp_path: Path) -> None:
    environment = ensure(user_folders(str(tmp_path / "home")), FakePackages())
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").touch()
    (tmp_path / "check.py").write_text(
        "import mine, os, six, sys\nsys.exit(7 if os.environ['VIRTUAL_ENV'] == sys.prefix else 1)\n"
    )

    assert (
        execute(["python", "check.py"], environment.variables(tmp_path, os.environ), tmp_path) == 7
    )


def test_a_command_that_a_signal_ends_answers_as_a_shell_would(tmp_path: Path) -> None:
    environment = ensure(user_folders(str(tmp_path)), FakePackages())

    assert (
        execute(["sh", "-c", "kill -9 $$"], environment.variables(tmp_path, os.environ), tmp_path)
        == 137
    )


def test_an_unknown_command_is_a_named_error(tmp_path: Path) -> None:
    environment = ensure(user_folders(str(tmp_path)), FakePackages())

    with pytest.raises(CommandNotFound, match="no-such-program"):
        execute(["no-such-program"], environment.variables(tmp_path, os.environ), tmp_path)


@pytest.mark.parametrize(
    ("python", "version", "expected"),
    [
        ("3.13", "3.13.5", True),
        ("3.13", "3.12.1", False),
        (">=3.11", "3.13.0", True),
        (">=3.11,<3.13", "3.13.0", False),
    ],
)
def test_a_python_fits_by_minor_version_or_by_specifier(
    python: str, version: str, expected: bool
) -> None:
    assert fits(python, version) is expected


def test_a_python_that_is_no_version_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="not a version of Python"):
        fits("newest", "3.13.0")


def test_our_own_python_is_taken_when_it_fits() -> None:
    assert find_interpreter(">=3.11", {}).path == Path(sys.executable)


def test_a_missing_python_is_named_with_those_found() -> None:
    with pytest.raises(PythonNotFound, match=HOST.version.replace(".", r"\.")):
        find_interpreter("==3.99.*", {"PATH": ""})


def test_a_program_that_is_no_python_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)

    assert probe(broken, os.environ) is None
