"""What of a project is its code layer, and what is not."""

from __future__ import annotations

import shlex
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from algo.errors import OutputInvalid
from algo.images.config import APP
from algo.images.errors import UnreadableFile
from algo.images.tree import Entry, collect
from algo.watch.ignore import FILE as IGNORE_FILE
from algo.watch.ignore import IgnoreRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from algo.project.project import Project

# What describes the project to us and to package managers, and not to its own code. Such files
# may hold the addresses of indexes, credentials included, and are in no image.
DESCRIBING = (
    "algo.toml",
    "algo.lock",
    "algorithmia.conf",
    IGNORE_FILE,
    "requirements*.in",
    "requirements*.txt",
    "requirements/*.in",
    "requirements/*.txt",
    "constraints*.txt",
    "pyproject.toml",
    "pylock.toml",
    "pylock.*.toml",
    "uv.lock",
    "uv.toml",
    "environment.yml",
    "environment.yaml",
    "conda-lock.yml",
    "pip.conf",
    ".netrc",
    ".npmrc",
)


def describes(path: str) -> bool:
    """Tell whether the file at `path`, relative to the project, is one of `DESCRIBING`."""
    return any(fnmatchcase(path, pattern) for pattern in DESCRIBING)


def code_entries(project: Project, left_out: Collection[str] = ()) -> list[Entry]:
    """Return what the code layer holds: the project's files, without models and ignored ones.

    `left_out` are files that are for the language's package manager alone.

    Raises:
        LinkOutside: A link leads out of the project.
        UnreadableFile: A file cannot be read.
    """
    return collect(project.root, APP, ignored=_ignored(project, left_out), alone=True)


def outside_code(project: Project, path: Path, command: str = "algo build -o") -> Path:
    """Return `path` when a file there would not be in the code layer of the next image.

    Args:
        project: The project.
        path: Where a file is to be written.
        command: What would write it elsewhere, for the hint.

    Raises:
        OutputInvalid: It would be, or the project has a file there.
    """
    root, place = project.root.resolve(), path.parent.resolve() / path.name
    if not place.is_relative_to(root):
        return path
    parts = place.relative_to(root).parts
    _refuse_own(project, place, command)
    ignored = _ignored(project)
    if any(ignored("/".join(parts[:end]), end < len(parts)) for end in range(1, len(parts) + 1)):
        return path
    raise OutputInvalid(
        f"{place.relative_to(root)} would be a part of the next image",
        hint=f"{_elsewhere(place, command)}, or name it in {IGNORE_FILE}",
    )


def _refuse_own(project: Project, place: Path, command: str) -> None:
    """Refuse to write over what the project needs and no image holds as code.

    Raises:
        OutputInvalid: It is a file that describes the project, one of a model, or one that
            is no result of ours.
    """
    name = place.relative_to(project.root.resolve()).as_posix()
    models = tuple(path.rstrip("/") for path in project.manifest.model_paths.values())
    own = describes(name) or name == project.manifest.environment.dockerfile
    own = own or any(name == model or name.startswith(f"{model}/") for model in models)
    if own or (place.is_file() and not _is_result(place)):
        raise OutputInvalid(
            f"{name} is a file of the project, and would be lost",
            hint=_elsewhere(place.with_suffix(".tar"), command),
        )


def _is_result(file: Path) -> bool:
    """Tell whether `file` is what `-o` wrote before: an archive, or a bill of materials."""
    with file.open("rb") as content:
        start = content.read(512)
    return start[257:262] == b"ustar" or b'"bomFormat"' in start or not start


def _elsewhere(place: Path, command: str) -> str:
    return f"mkdir -p dist && {command} {shlex.quote(f'dist/{place.name}')}"


def _ignored(project: Project, left_out: Collection[str] = ()) -> Callable[[str, bool], bool]:
    file = project.root / IGNORE_FILE
    try:
        rules = IgnoreRules.of(file.read_text(encoding="utf-8") if file.is_file() else "")
    except UnicodeDecodeError as error:
        # A rule that is read wrongly would ship what it names.
        raise UnreadableFile(
            f"{IGNORE_FILE} is not UTF-8 at byte {error.start}", hint="save it as UTF-8"
        ) from error
    models = {path.rstrip("/") for path in project.manifest.model_paths.values()}
    models |= {project.manifest.environment.dockerfile, *left_out}

    def ignored(path: str, folder: bool) -> bool:
        return path in models or describes(path) or rules.ignores(path, folder=folder)

    return ignored
