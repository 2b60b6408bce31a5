"""What a project's own models do when they are loaded, told while they are locked and built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from algo.events import Note, Warned
from algo.images.layer import file_digest
from algo.models.formats import Danger, dangers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.project.project import Project

# A smaller file is read in no time.
_LARGE = 16 << 20


class _Known(msgspec.Struct, frozen=True):
    dangers: tuple[Danger, ...]


def tell_of_own(project: Project, cache: Cache, *, notify: Notify) -> None:
    """Say in a line for each model in the project's folder if it runs code when it is loaded.

    Fetched models are told of when they are locked. A large file is looked into once.

    Args:
        project: The project.
        cache: Remembers what was found in large files.
        notify: Gets the lines.
    """
    for name, path in sorted(project.manifest.model_paths.items()):
        if name not in project.manifest.model_sources:
            tell(name, [*_found(project.root / path, cache)], notify=notify)


def tell(name: str, found: Sequence[Danger], *, notify: Notify) -> None:
    """Say what was found in the model `name`, the worst of it; nothing where nothing was."""
    if not found:
        return
    worst = max(found, key=lambda danger: danger.alarming)
    more = f"; {len(found) - 1} more in it do, too" if len(found) > 1 else ""
    text = f"the model {name}: {worst}{more}"
    notify(Warned(text) if worst.alarming else Note(text))


def _found(place: Path, cache: Cache) -> Iterator[Danger]:
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    for file in files:
        # What cannot be read is told where an image is made of it.
        if file.is_file() and os.access(file, os.R_OK):
            path = file.name if file == place else file.relative_to(place).as_posix()
            yield from _dangers(file, path, cache)


def _dangers(file: Path, path: str, cache: Cache) -> tuple[Danger, ...]:
    if file.stat().st_size < _LARGE:
        return dangers(file, path)
    key = f"dangers {file_digest(cache, file)} {path}"
    known = cache.recall("files", key, _Known)
    if known is None:
        known = _Known(dangers(file, path))
        cache.remember("files", key, known)
    return known.dangers
