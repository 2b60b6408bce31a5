"""A runner in an environment that is more than a folder of modules."""

from __future__ import annotations

import os
import sys
import venv
from typing import TYPE_CHECKING

import pytest
from algo.storage.trees import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

TELL = """
import os, shutil, sys

def apply(prefix):
    names = ("CONDA_PREFIX", "FROM_SCRIPT", "STARTED_BY")
    return {
        "variables": [os.environ.get(name) for name in names],
        "tool": shutil.which("tool"),
        "searched": prefix in sys.path,
    }
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A conda environment of a program alone."""
    root = tmp_path / "environment"
    (root / "conda-meta").mkdir(parents=True)
    program(root / "bin" / "tool", "exit 0")
    return root


def test_the_python_among_the_packages_runs_the_algorithm(gateway: Start, prefix: Path) -> None:
    program(prefix / "bin" / "python", f'STARTED_BY=it exec {sys.executable} "$@"')
    scripts = prefix / "etc" / "conda" / "activate.d"
    program(scripts / "1.sh", "export FROM_SCRIPT=yes; return 1")
    program(scripts / "2.sh", ". /there/is/none")
    served = gateway(TELL, "--python", "", "--packages", str(prefix))

    assert served.post(str(prefix)).json == {
        "variables": [str(prefix), "yes", "it"],
        "tool": str(prefix / "bin" / "tool"),
        "searched": False,
    }


def test_an_environment_without_a_python_is_on_the_path(gateway: Start, prefix: Path) -> None:
    served = gateway(TELL, "--packages", str(prefix))

    answer = served.post(str(prefix)).json
    assert answer["variables"] == [str(prefix), None, None]
    assert answer["tool"] == str(prefix / "bin" / "tool")


def test_a_folder_of_modules_changes_no_variable(gateway: Start, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    served = gateway(TELL, "--packages", str(folder))

    answer = served.post(str(folder)).json
    assert answer == {
        "variables": [os.environ.get("CONDA_PREFIX"), None, None],
        "tool": None,
        "searched": True,
    }


USE = """
import importlib.util, pathlib, packed, beside

def load():
    file = pathlib.Path(__file__).with_name("apart.py")
    spec = importlib.util.spec_from_file_location("apart", file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))

def apply(input):
    return packed.VALUE
"""


@pytest.mark.parametrize("ours", [True, False])
def test_only_an_environment_of_algo_keeps_what_was_compiled(
    gateway: Start, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, ours: bool
) -> None:
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, symlinks=True)
    if ours:
        (root / COMPLETE).touch()
    (library,) = root.glob("lib/python3.*/site-packages")
    (library / "packed.py").write_text("VALUE = 1\n")
    (tmp_path / "src").mkdir()
    for name in ("beside.py", "apart.py"):
        (tmp_path / "src" / name).touch()
    served = gateway(USE, "--python", str(root / "bin" / "python"))

    assert served.post("").json == 1
    kept = [path.name.partition(".")[0] for path in (root / "lib").rglob("*.pyc")]
    assert kept == (["packed"] if ours else [])
    assert not list(tmp_path.rglob("*.pyc"))
