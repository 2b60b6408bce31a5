"""Lock fetched models, bring them here, and notice when their origins have something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import Note, Step, Warned, counted, one_at_a_time, sized
from algo.models.errors import ModelCorrupted
from algo.models.formats import dangers
from algo.models.place import clear, files_at, placed, put
from algo.project.errors import LockStale
from algo.project.lock import write
from algo.project.models import LockedModel
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.models.interface import Origin
    from algo.project.lock import Lock
    from algo.project.models import ModelSource
    from algo.project.models import Origin as OriginKind
    from algo.project.project import Project


class Models(Value, frozen=True):
    """What models are fetched with.

    Args:
        cache: Keeps their files.
        origin: Opens a kind of place.
    """

    cache: ModelCache
    origin: Callable[[OriginKind], Origin]


def ensure_models(
    project: Project, lock: Lock, models: Models, *, notify: Notify, upgrade: bool = False
) -> Lock:
    """Return `lock` with every model that `algo.toml` fetches; all of them lie in the project.

    What is locked stays, and needs no network when it was fetched before.

    Args:
        project: The project.
        lock: Its lock, which is written when models came, went or changed.
        models: What to fetch with.
        notify: Gets a step per model and progress in bytes.
        upgrade: Take what the origins have now.

    Raises:
        ModelEdited: A fetched model was changed in the project.
        AlgoError: As `models.interface.Origin`.
    """
    sources = project.manifest.model_sources
    if not sources and not lock.models:
        return lock
    notify = one_at_a_time(notify)  # origins fetch several files at once
    found = [
        _locked(source, lock.model(name), models, upgrade, notify)
        for name, source in sorted(sources.items())
    ]
    changed = lock.with_models(found)
    if changed != lock:
        write(changed, project.lock_path)
    for model in found:
        source = sources[model.name]
        if not placed(project.root, source, model, models.cache):
            _fetched(source, model, models, notify)
            put(project.root, source, model, models.cache, notify=notify)
    if changed != lock:
        clear(project.root, lock.models, _kept(project, found), models.cache)
    return changed


def _kept(project: Project, found: Iterable[LockedModel]) -> set[Path]:
    """Return what belongs to the models of now: each fetched file, and the project's own paths."""
    sources = project.manifest.model_sources
    fetched = {
        path for model in found for path, _ in files_at(project.root, sources[model.name], model)
    }
    own = project.manifest.model_paths
    return fetched | {project.root / path for name, path in own.items() if name not in sources}


class Standing(Value, frozen=True):
    """A fetched model: whether the lock has it as `algo.toml` says, and whether it is here."""

    name: str
    source: str
    size: int
    locked: bool
    here: bool
    unsafe: bool


def standing_of(project: Project, lock: Lock | None, models: Models) -> list[Standing]:
    """Return how each fetched model of the project stands; nothing is fetched."""
    found = []
    for name, source in sorted(project.manifest.model_sources.items()):
        model = lock.model(name) if lock else None
        if model is None or model.source != source.text:
            found.append(Standing(name, source.text, 0, False, False, False))
            continue
        cached = [file for file in model.files if models.cache.has(file)]
        here = len(cached) == len(model.files) or placed(project.root, source, model, models.cache)
        unsafe = any(dangers(models.cache.path(file.sha256), file.path) for file in cached)
        found.append(Standing(name, source.text, model.size, True, here, unsafe))
    return found


def check_models(project: Project, lock: Lock, models: Models, *, notify: Notify) -> list[str]:
    """Compare `lock` with `algo.toml`, and tell of models that changed at their origin.

    Nothing is fetched or written.

    Returns:
        The names of those that changed; the lock is still good, and --upgrade takes them.

    Raises:
        LockStale: The lock has other models than `algo.toml`.
        AlgoError: As `models.interface.Origin.revision`.
    """
    sources = project.manifest.model_sources
    for name in sorted({*sources, *(model.name for model in lock.models)}):
        found, source = lock.model(name), sources.get(name)
        if source is None or found is None or found.source != source.text:
            why = f"{name} is not locked as [models] of algo.toml has it"
            raise LockStale(f"{project.lock_path.name} does not fit: {why}")
    changed = []
    for name, source in sorted(sources.items()):
        locked = lock.model(name)
        assert locked is not None
        now = models.origin(source.origin).revision(source)
        if now != locked.revision:
            changed.append(name)
            notify(
                Warned(
                    f"{source.text} is {now[:19]} now, the lock has {locked.revision[:19]}: "
                    "algo lock --upgrade takes it"
                )
            )
    return changed


def _locked(
    source: ModelSource,
    before: LockedModel | None,
    models: Models,
    upgrade: bool,
    notify: Notify,
) -> LockedModel:
    """Return what the source stands for: as it was locked, or looked up now."""
    same = before is not None and before.source == source.text
    if before is not None and same and not upgrade:
        return before
    origin = models.origin(source.origin)
    notify(Step(f"Looking up {source.shown}"))
    revision = origin.revision(source)
    if before is not None and same and before.revision == revision:
        return before
    files = origin.fetch(source, revision, models.cache, notify=notify)
    model = LockedModel(source.name, source.text, revision, files)
    what = f"{counted(len(files), 'file')}, {sized(model.size)}"
    notify(Note(f"locked the model {source.name}: {what}"))
    for file in files:
        for danger in dangers(models.cache.path(file.sha256), file.path):
            notify(Warned(f"{source.shown}: {danger}"))
    return model


def _fetched(source: ModelSource, model: LockedModel, models: Models, notify: Notify) -> None:
    """Bring what the cache lacks of a locked model.

    Raises:
        ModelCorrupted: Its origin has other content under the same revision.
    """
    if all(models.cache.has(file) for file in model.files):
        return
    notify(Step(f"Fetching {source.shown}"))
    origin = models.origin(source.origin)
    files = origin.fetch(source, model.revision, models.cache, notify=notify)
    if files != model.files:
        theirs = {file.path: file for file in files}
        other = [file.path for file in model.files if theirs.get(file.path) != file]
        which = other[0] if other else "it has more files"
        raise ModelCorrupted(f"{source.text} is not what was locked: {which}")
