"""The layers of models: one each, or several where a model is large."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from algo.events import Note, Step, one_at_a_time, sized
from algo.images.config import APP
from algo.images.errors import LinkOutside, NamesCollide, UnreadableFile
from algo.images.image import LayerKind
from algo.images.layer import ensure_layer, file_digest, find_joined, make_joined
from algo.images.tree import Entry, collect, single
from algo.project.errors import ModelMissing
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.image import Layer
    from algo.project.lock import Lock
    from algo.project.project import Project

# Layers of this size are worth several streams, and small enough to begin again.
_UNIT = 128 << 20
_WHOLE = 4 * _UNIT
# Above this the layer is no file of its own besides the weights.
_JOINED = 32 << 20
# overlay2 takes 128 layers below a container; runtime, packages and code need some of them.
_MOST = 96
_READERS = 4
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Part(Value, frozen=True):
    """A file of a model.

    Args:
        path: Its path below the model's folder; the file's name where the model is a file.
        entry: How it lies in the image.
        sha256: Its content; empty for a link.
        size: In bytes.
    """

    path: str
    entry: Entry
    sha256: str
    size: int


def model_layers(
    project: Project, lock: Lock, cache: Cache, *, notify: Notify
) -> tuple[Layer, ...]:
    """Return the layers of every model, those of one after another.

    A file that did not change since it was read is not read again; several are read at once.
    What lies outside the project, behind a link, is said.

    Raises:
        ModelMissing: A fetched model is not in the project.
        LinkOutside: A link in a model leads out of the project.
        UnreadableFile: A file cannot be read.
    """
    names = sorted(project.manifest.models)
    most = max(1, _MOST // max(1, len(names)))
    groups: list[tuple[str, list[Part]]] = []
    for name in names:
        parts = model_parts(project, lock, name, cache)
        if name not in project.manifest.model_sources:
            _tell_of_links(project, project.manifest.model_paths[name], parts, notify)
        groups += split(name, parts, most)
    telling = one_at_a_time(notify)

    def layer(group: tuple[str, list[Part]]) -> Layer:
        called, parts = group
        return _layer(cache, called, parts, telling)

    size = sum(part.size for _, parts in groups for part in parts)
    return tuple(_each(layer, groups, size))


def model_parts(project: Project, lock: Lock, name: str, cache: Cache) -> tuple[Part, ...]:
    """Return the files of a model, sorted by path."""
    path = project.manifest.model_paths[name]
    place = project.root / path
    if name in project.manifest.model_sources:
        return tuple(_fetched(project, lock, name, path))
    if not place.is_dir():
        return (_part(single(place, f"{APP}/{path}"), place.name, cache),)
    base = f"{APP}/{path}".rstrip("/")

    def part(entry: Entry) -> Part:
        return _part(entry, entry.path.removeprefix(f"{base}/"), cache)

    try:
        entries = collect(place, base)
    except (LinkOutside, UnreadableFile, NamesCollide) as error:
        # The folder is a model as a whole: what .algoignore says is of the code.
        hint = f"put files into {path.rstrip('/')} that can be read, and nothing else"
        raise type(error)(f"the model {name} at {path}: {error.message}", hint=hint) from error
    return tuple(_each(part, entries, sum(entry.size for entry in entries)))


def _tell_of_links(project: Project, path: str, parts: Sequence[Part], notify: Notify) -> None:
    """Say what of the model at `path` is shipped although it lies outside the project."""
    place = project.root / path
    found = {path: place.resolve()}
    if place.resolve().is_relative_to(project.root):
        sources = {f"{path.rstrip('/')}/{part.path}": part.entry.source for part in parts}
        found = {
            name: source.resolve()
            for name, source in sources.items()
            if isinstance(source, Path) and not source.resolve().is_relative_to(project.root)
        }
    for name, aim in [*found.items()][:1]:
        more = f", and {len(found) - 1} more are such links" if len(found) > 1 else ""
        notify(Note(f"{name} is a link to {aim}{more}: what lies there is shipped"))


def split(name: str, parts: Sequence[Part], most: int) -> list[tuple[str, list[Part]]]:
    """Return the files of each layer of a model with what the layer is called.

    What is below 512 MiB is one layer. Above, a file of 128 MiB or more is a layer of its own and
    the others are dealt by their paths, so a changed file changes one layer. Where that gives
    more than `most` layers, all sizes double.
    """
    if len(parts) == 1 or sum(part.size for part in parts) <= _WHOLE:
        return [(name, list(parts))]
    unit = _UNIT
    while len(found := _dealt(name, parts, unit)) > most:
        unit *= 2
    return found


def _dealt(name: str, parts: Sequence[Part], unit: int) -> list[tuple[str, list[Part]]]:
    own = [part for part in parts if part.size >= unit]
    small = [part for part in parts if part.size < unit]
    count, total = 1, sum(part.size for part in small)
    while count * 2 * unit < total:
        count *= 2
    dealt: dict[int, list[Part]] = {}
    for part in small:
        number = int.from_bytes(hashlib.sha256(part.path.encode()).digest()[:4], "big") % count
        dealt.setdefault(number, []).append(part)
    layers = [(f"{name}/*{number + 1}", dealt[number]) for number in sorted(dealt)]
    return [*layers, *((f"{name}/{part.path}", [part]) for part in own)]


def _each(work: Callable[[_Item], _Result], items: Sequence[_Item], size: int) -> list[_Result]:
    """Return what `work` makes of each item; of `size` bytes in all, several at once if many."""
    if size < _JOINED or len(items) < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    # Hashing takes all processors, as far as a disk keeps up.
    streams = min(_READERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(streams, thread_name_prefix="read") as pool:
        return list(pool.map(work, items))


def _layer(cache: Cache, called: str, parts: Sequence[Part], notify: Notify) -> Layer:
    inputs = "\n".join(
        f"{part.entry.path} {part.entry.executable} {part.entry.link} {part.sha256}"
        for part in parts
    )
    entries = [part.entry for part in parts]
    size = sum(part.size for part in parts)
    if size >= _JOINED:
        found = find_joined(cache, LayerKind.MODEL, called, inputs, entries)
        if found is None:
            notify(Step(f"Reading the model {called}: {sized(size)}"))
        return found or make_joined(cache, LayerKind.MODEL, called, inputs, entries)
    return ensure_layer(cache, LayerKind.MODEL, called, inputs, lambda: entries, compress=False)


def _part(entry: Entry, path: str, cache: Cache) -> Part:
    if isinstance(entry.source, bytes):
        return Part(path, entry, "", 0)
    return Part(path, entry, file_digest(cache, entry.source), entry.size)


def _fetched(project: Project, lock: Lock, name: str, path: str) -> Iterator[Part]:
    """Yield the files of a fetched model: those that are locked, whatever else lies there."""
    model, source = lock.model(name), project.manifest.model_sources[name]
    for file in model.files if model else ():
        below = path if source.single else f"{path}/{file.path}"
        if not (project.root / below).is_file():
            raise ModelMissing(f"the model {name} is not at {below}", hint="algo lock")
        entry = Entry(f"{APP}/{below}", project.root / below)
        yield Part(file.path, entry, file.sha256, file.size)
    if model is None:
        raise ModelMissing(f"the model {name} is not locked", hint="algo lock")
