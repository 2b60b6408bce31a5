"""The command line with the packages of its extras, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[3]
MANIFEST = """
[algorithm]
name = "acme/fetched"
language = "python"
entrypoint = "src/fetched.py:apply"
[models]
"""
SOURCE = """
from pathlib import Path


def load(models):
    return {
        str(path.relative_to(models["m"])): path.stat().st_size
        for path in sorted(Path(models["m"]).rglob("*"))
        if path.is_file()
    }


def apply(input, state):
    return state
"""


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs `algo` in a project, as a process of its own.

    Args:
        project: The project's folder.
        home: The user's folders.
        python: The interpreter whose packages are seen besides the command's own.
        env: Variables.
    """

    project: Path
    home: Path
    python: Path | None
    env: Mapping[str, str]

    def __call__(self, *words: str, code: int = 0, **env: str) -> Any:
        """Run a command with `--json` and return its document."""
        done = self.run(*words, "--json", **env)
        assert done.returncode == code, f"{words}: {done.returncode}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        found = {} if self.python is None else {"PYTHONPATH": _packages(self.python)}
        home = {"ALGO_HOME": str(self.home), "HF_HOME": str(self.home / "hf")}
        return subprocess.run(
            [sys.executable, "-m", "algo", *words],
            cwd=self.project,
            env={**os.environ, **home, "ALGO_ENGINE": "virtualenv", **found, **self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def models(self, text: str) -> None:
        """Write `[models]` of the project."""
        (self.project / "algo.toml").write_text(f"{MANIFEST}{text}\n")

    def files(self) -> dict[str, bytes]:
        """Return what lies below `models/` in the project."""
        folder = self.project / "models"
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }


def _packages(python: Path) -> str:
    return str(next((python.parent.parent / "lib").glob("python3*/site-packages")))


@pytest.fixture
def bare(tmp_path: Path) -> Commands:
    """The command without any extra."""
    project = tmp_path / "fetched"
    (project / "src").mkdir(parents=True)
    (project / "src" / "fetched.py").write_text(SOURCE)
    return Commands(project, tmp_path / "home", None, {})


@pytest.fixture
def commands(bare: Commands, client_python: Callable[[str], Path]) -> Commands:
    """The command with the extras `hf` and `mlflow`."""
    return Commands(bare.project, bare.home, client_python("origins"), {})
