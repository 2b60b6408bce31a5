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
    find_requirements,
    inputs_digest,
)
from algo.errors import AlgoError
from algo.project.errors import ProjectNotFound
from algo.project.project import MANIFESTS, manifest_in, read

if TYPE_CHECKING:
    from pathlib import Path

_PATTERNS = ("requirements*.txt", "requirements*.in", PYPROJECT, UV_LOCK, "pylock*.toml")
_REQUIREMENTS = (*_PATTERNS, *ENVIRONMENTS)


def may_state_packages(path: str) -> bool:
    """Tell whether the file at `path`, relative to the project, may say what packages it needs."""
    return "/" not in path and any(fnmatchcase(path, pattern) for pattern in _REQUIREMENTS)


def said_by(root: Path) -> str:
    """Return what manifest and requirements of the project at `root` say, the same for the same.

    Comments do not count, except where the files cannot be understood.
    """
    try:
        path = manifest_in(root)
        if path is None:
            raise ProjectNotFound(f"{root} has no manifest any more")
        manifest = read(path)
        requirements = find_requirements(root, manifest.environment.requirements)
        said = msgspec.json.encode(manifest).decode()
        steps = _steps(root, manifest.environment.dockerfile)
        return f"{said} {inputs_digest(requirements, '')} {steps}"
    except (AlgoError, OSError) as error:
        return f"{error} {_bytes_of(root)}"


def _steps(root: Path, dockerfile: str) -> str:
    """Return a digest of the project's Dockerfile, empty without one."""
    path = root / dockerfile
    return hashlib.sha256(path.read_bytes()).hexdigest() if dockerfile and path.is_file() else ""


def _bytes_of(root: Path) -> str:
    total = hashlib.sha256()
    files = sorted(root.iterdir()) if root.is_dir() else []  # moved away while it is served
    for path in files:
        if path.is_file() and (path.name in MANIFESTS or may_state_packages(path.name)):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
