"""Put fetched models where `load(models)` finds them: `models/NAME` of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import Note
from algo.models.errors import ModelEdited
from algo.project.models import FOLDER, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.project.models import LockedFile, LockedModel, ModelSource


def placed(root: Path, source: ModelSource, model: LockedModel, cache: ModelCache) -> bool:
    """Tell whether every file of `model` lies where it belongs, as it was locked."""
    return all(cache.is_at(path, file) for path, file in files_at(root, source, model))


def files_at(
    root: Path, source: ModelSource, model: LockedModel
) -> Iterator[tuple[Path, LockedFile]]:
    """Yield each file of `model` with its place in the project at `root`."""
    place = root / source.place
    for file in model.files:
        yield place if source.single else place / file.path, file


def put(
    root: Path, source: ModelSource, model: LockedModel, cache: ModelCache, *, notify: Notify
) -> None:
    """Put the files of `model` into the project; the cache must have them all.

    Args:
        root: The project's folder.
        source: Where the model belongs.
        model: What must be there.
        cache: Has the content.
        notify: Told of what git is made to ignore.

    Raises:
        ModelEdited: What is there was not fetched by us.
    """
    for path, file in files_at(root, source, model):
        if cache.is_at(path, file):
            continue
        if path.exists() and not cache.knows(path):
            shown = path.relative_to(root)
            raise ModelEdited(
                f"{shown} is not what algo.lock has of {source.shown}, and would be lost",
                hint=f"mv {shown} {shown}.mine, and name that path under [models] if you need it",
            )
        cache.give(file, path)
    _ignore(root, source.place, notify)


def clear(root: Path, before: Iterable[LockedModel], kept: set[Path], cache: ModelCache) -> None:
    """Remove what was fetched and is no longer wanted: it would be in the image, as code.

    Args:
        root: The project's folder.
        before: The models that were locked until now.
        kept: What must stay: files, and folders with all that is in them.
        cache: Knows the content.
    """
    for model in before:
        source = source_of(model)
        for path, file in files_at(root, source, model) if source else ():
            wanted = any(path == one or path.is_relative_to(one) for one in kept)
            if not wanted and cache.is_at(path, file):
                path.unlink()
                _prune(path.parent, root / FOLDER)


def _prune(folder: Path, end: Path) -> None:
    """Remove `folder` and those above it as far as `end`, as long as they are empty."""
    while folder != end and folder.is_relative_to(end) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _ignore(root: Path, place: str, notify: Notify) -> None:
    """Keep weights that are locked by digest out of git, as the tools for data do."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return
    file, line = root / ".gitignore", f"/{place}"
    # Bytes, as git reads it: names in it may be of any encoding, and its line ends stay.
    before = file.read_bytes() if file.is_file() else b""
    if line.encode() in before.splitlines():
        return
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    file.write_bytes(before + gap + line.encode() + b"\n")
    notify(Note(f"{line} is in .gitignore now: it is fetched, and algo.lock pins it"))
