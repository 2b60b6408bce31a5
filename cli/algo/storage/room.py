"""Tell what takes room on this machine, and make room."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.errors import UsageError
from algo.storage.measure import Measured, measure
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.storage.interface import Item, Kind

_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZES |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


class KindTaken(Value, frozen=True):
    """What is there of a kind; sizes in bytes.

    `shared` bytes have a name in another kind, too, and are counted in both; `kept` items stay
    whatever is asked for, `unfindable` ones are of no use to anybody.
    """

    kind: str
    items: int
    bytes: int
    shared: int
    kept: int
    unfindable: int
    oldest: float | None
    why_kept: tuple[str, ...]


class Taken(Value, frozen=True):
    """What is there in all; `bytes` counts every file once, `cache_bytes` what may be pruned.

    Neither counts what is no file of this machine: an engine's images share layers, and it alone
    knows which.
    """

    kinds: tuple[KindTaken, ...]
    bytes: int
    cache_bytes: int


class Limits(Value, frozen=True):
    """What is to be removed, besides what nobody can find any more.

    Args:
        unused_for: Seconds that something was not used; None for no matter how long.
        most: The bytes that may stay in files of this machine; None for any number.
        everything: All that may go.
    """

    unused_for: float | None = None
    most: int | None = None
    everything: bool = False


class Gone(Value, frozen=True):
    """Something that was removed, or would be."""

    kind: str
    name: str
    bytes: int


class Stayed(Value, frozen=True):
    """Something that would have gone, and why it did not."""

    kind: str
    name: str
    bytes: int
    why: str


class Pruned(Value, frozen=True):
    """What was removed and what stayed; `bytes_freed` is what files gave back to the disk."""

    removed: tuple[Gone, ...]
    stayed: tuple[Stayed, ...]
    bytes_freed: int
    bytes_left: int
    dry_run: bool


def take_stock(kinds: Sequence[Kind]) -> Taken:
    """Return what is there."""
    items = [item for kind in kinds for item in kind.items()]
    everything, cached = Measured(), Measured()
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    shown = []
    for kind, members in by_kind.items():
        total = Measured()
        for item in members:
            found = measure(item.paths)
            total.add(found)
            everything.add(found)
            if item.cache:
                cached.add(found)
        outside = sum(item.bytes for item in members)
        shown.append(
            KindTaken(
                kind=kind,
                items=len(members),
                bytes=total.bytes + outside,
                shared=total.shared,
                kept=sum(1 for item in members if item.kept),
                unfindable=sum(1 for item in members if item.unfindable and not item.kept),
                oldest=min(item.used for item in members),
                why_kept=tuple(sorted({item.kept for item in members if item.kept})),
            )
        )
    return Taken(tuple(shown), everything.bytes, cached.bytes)


def prune(kinds: Sequence[Kind], limits: Limits, now: float, *, dry_run: bool) -> Pruned:
    """Remove what nobody can find, and what `limits` say, the longest unused first."""
    found = [(item, kind, measure(item.paths)) for kind in kinds for item in kind.items()]
    left = Measured()
    for item, _, size in found:
        if item.cache:
            left.add(size)
    removed: list[Gone] = []
    stayed: list[Stayed] = []
    gone = Measured()
    freed = 0
    for item, kind, size in sorted(found, key=lambda one: (not one[0].unfindable, one[0].used)):
        if not _may_go(item, limits, now, left.bytes - freed):
            continue
        takes = size.bytes + item.bytes
        why = item.kept or ("" if dry_run else kind.remove(item))
        if why:
            stayed.append(Stayed(item.kind, item.name, takes, why))
            continue
        removed.append(Gone(item.kind, item.name, takes))
        gone.add(size)
        freed = gone.own
    return Pruned(tuple(removed), tuple(stayed), freed, left.bytes - freed, dry_run)


def _may_go(item: Item, limits: Limits, now: float, left: int) -> bool:
    """Tell whether an item is asked for; what cannot be had again never is."""
    if item.unfindable or not item.cache:
        return item.unfindable
    if limits.everything:
        return True
    if limits.unused_for is not None and item.used <= now - limits.unused_for:
        return True
    return limits.most is not None and left > limits.most and not item.bytes


def age(text: str) -> float:
    """Return the seconds of `30d`, `12h`, `2w`.

    Raises:
        UsageError: It is none of these.
    """
    match = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if not match:
        raise UsageError(f"{text!r} is no age", hint="algo cache prune --older-than 30d")
    return float(match[1]) * _AGES[match[2]]


def size(text: str) -> int:
    """Return the bytes of `20GB`, `512MiB`.

    Raises:
        UsageError: It is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].lower() not in _SIZES:
        raise UsageError(f"{text!r} is no size", hint="algo cache prune --max-size 20GB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def in_words(count: int) -> str:
    """Return a number of bytes for people: `1.4 GB`."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95 or unit == "GB":
            break
    return f"{amount:.1f} {unit}"
