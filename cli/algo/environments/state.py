"""What a project's files say of its environment and its limits, to notice when they say another."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from algo.environments.requirements import (
    ENVIRONMENTS,
    PYPROJECT,
    UV_LOCK,
    inputs_digest,
    requirements_of,
)
from algo.errors import AlgoError
from algo.project.declaration import FILE as SCHEMA
from algo.project.errors import ProjectNotFound
from algo.project.project import MANIFESTS, Project, manifest_in, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATTERNS = ("requirements*.txt", "requirements*.in", PYPROJECT, UV_LOCK, "pylock*.toml")
_REQUIREMENTS = (*_PATTERNS, *ENVIRONMENTS)


def may_state_packages(path: str) -> bool:
    """Tell whether the file at `path`, relative to the project, may say what packages it needs."""
    return "/" not in path and any(fnmatchcase(path, pattern) for pattern in _REQUIREMENTS)


def python_inputs(project: Project) -> str:
    """Return what the requirements of a project say that is in Python."""
    return inputs_digest(requirements_of(project), "")


def said_by(
    root: Path,
    inputs: Callable[[Project], str] = python_inputs,
    states_packages: Callable[[str], bool] = may_state_packages,
) -> str:
    """Return what the files of the project at `root` say that are no code, the same for the same.

    Comments do not count, except where the files cannot be understood.

    Args:
        root: The project's folder.
        inputs: Returns what its packages are pinned from.
        states_packages: Tells of a file's name whether it may say what packages are needed.
    """
    try:
        path = manifest_in(root)
        if path is None:
            raise ProjectNotFound(f"{root} has no manifest any more")
        manifest = read(path)
        said = msgspec.json.encode(manifest).decode()
        steps = f"{_content(root, manifest.environment.dockerfile)} {_content(root, SCHEMA)}"
        return f"{said} {inputs(Project(root, manifest))} {steps}"
    except (AlgoError, OSError) as error:
        return f"{error} {_bytes_of(root, states_packages)}"


def _content(root: Path, name: str) -> str:
    """Return a digest of the project's file `name`, empty without one."""
    path = root / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if name and path.is_file() else ""


def _bytes_of(root: Path, states_packages: Callable[[str], bool]) -> str:
    total = hashlib.sha256()
    files = sorted(root.iterdir()) if root.is_dir() else []  # moved away while it is served
    for path in files:
        if path.is_file() and (path.name in (*MANIFESTS, SCHEMA) or states_packages(path.name)):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
