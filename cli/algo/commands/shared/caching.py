"""What `algo cache` and `algo doctor` know of what is kept on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import counted
from algo.output import Table
from algo.storage.room import Limits, age, in_words, size

if TYPE_CHECKING:
    from algo.deps import Deps
    from algo.storage.interface import Kind
    from algo.storage.room import Pruned, Taken

_FOLDERS = frozenset({"conda", "environments", "versions", "models", "wheels", "sbom", "downloads"})

# How many of what stayed for one reason are named.
_SHOWN = 3


def kinds(deps: Deps, *, engine: bool = True, everyone: bool = False) -> list[Kind]:
    """Return every place where algo keeps something; without `engine` those on the disk alone.

    Images of other users of the engine may go only where they are `everyone`'s.
    """
    from algo.environments.conda.kept import CondaFiles
    from algo.environments.kept import Environments
    from algo.images import kept as images
    from algo.models.kept import ModelFiles
    from algo.publish.kept import Unpacked
    from algo.registry.garbage import Garbage
    from algo.registry.partial import LIFE_SECONDS, SUFFIX
    from algo.storage.kinds import Files, Folders, Precious, Unknown

    folders = deps.folders
    found: list[Kind] = [
        Garbage(deps.store()),
        images.Layers(folders.cache),
        images.Notes(folders.cache),
        images.Unfinished(folders),
        Environments(folders),
        CondaFiles(folders),
        Unpacked(folders.cache / "versions"),
        ModelFiles(folders.cache / "models"),
        Files("built wheels", folders.cache / "wheels", "*/*.whl"),
        Files("notes", folders.cache / "wheels", "*.json"),
        Files("notes", folders.cache / "sbom", "*.json"),
        Folders("caches of tools", folders.cache / "steps"),
        Files("unfinished uploads", folders.state / "uploads", "*.json", LIFE_SECONDS),
        Files("unfinished downloads", folders.cache / "downloads", f"*{SUFFIX}", LIFE_SECONDS),
        Precious("jobs", folders.data / "jobs", "jobs and their results stay"),
        Precious("hosted data", folders.data / "hosted", "what algorithms wrote stays"),
        Unknown(folders.cache, images.FOLDERS | _FOLDERS),
    ]
    return [*found, *deps.engine_rooms(everyone=everyone)] if engine else found


def limits(older_than: str, max_size: str, *, everything: bool) -> Limits:
    """Return what the options of `prune` mean.

    Raises:
        UsageError: An age or a size cannot be read.
    """
    return Limits(
        unused_for=age(older_than) if older_than else None,
        most=size(max_size) if max_size else None,
        everything=everything,
    )


def table(taken: Taken) -> Table:
    """Return what is there for people."""
    rows = [
        (
            one.kind,
            str(one.items),
            in_words(one.bytes),
            in_words(one.shared) if one.shared else "",
            _state(one.kept, one.unfindable, one.why_kept),
        )
        for one in taken.kinds
    ]
    total = f"{in_words(taken.cache_bytes)} of it can be had again: algo cache prune --help"
    rows.append(("all, each file once", "", in_words(taken.bytes), "", total))
    return Table(("what", "items", "size", "shared", "state"), rows)


def summary(done: Pruned, *, further: bool = False) -> str:
    """Return what was removed, a line each, and what it brought.

    Args:
        done: What was done.
        further: Options that go further were not used: they are told where nothing was removed.
    """
    verb = "would remove" if done.dry_run else "removed"
    lines = [f"{verb} {one.kind}: {one.name} ({in_words(one.bytes)})" for one in done.removed]
    what = counted(len(done.removed), "item")
    end = f"{verb} {what}, {in_words(done.bytes_freed)}; {in_words(done.bytes_left)} are left"
    silent = not further or done.removed or not done.bytes_left
    more = "" if silent else "; --older-than 1h and --all go further"
    return "\n".join([*lines, *_stayed(done), *_of_the_engine(done), f"{end}{more}"])


def _stayed(done: Pruned) -> list[str]:
    """Return what stayed, a line for each reason: there may be hundreds of images."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in done.stayed:
        names.setdefault((one.kind, one.why), []).append(one.name)
    return [
        f"kept {kind}: {', '.join(some[:_SHOWN])}"
        f"{f' and {len(some) - _SHOWN} more' if len(some) > _SHOWN else ''} ({why})"
        for (kind, why), some in names.items()
    ]


def _of_the_engine(done: Pruned) -> list[str]:
    """Return what is to be known of images, whose bytes are in no sum, where some go."""
    from algo.engines.kept import IMAGES

    sizes = [one.bytes for one in done.removed if one.kind == IMAGES]
    if not sizes:
        return []
    what = counted(len(sizes), "image")
    return [
        f"the engine's {what}, {in_words(sum(sizes))} at most as they share layers: whoever needs "
        "one makes it anew"
    ]


def _state(kept: int, unfindable: int, why: tuple[str, ...]) -> str:
    more = "; …" if len(why) > 1 else ""
    parts = [f"{kept} kept ({why[0]}{more})"] if kept else []
    parts += [f"{unfindable} of no use: algo cache prune"] if unfindable else []
    return ", ".join(parts)
