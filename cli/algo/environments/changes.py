"""What a new lock changes, told once per package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from algo.project.lock import Lock, Pin, Target


class Change(Value, frozen=True):
    """A package that came, went, has another version, or other files of the same.

    Args:
        name: The package.
        old: The version before, empty when it came.
        new: The version now, empty when it went; the old one when no file is what it was.
        targets: Where, when that is not everywhere; each as the lock names it.
    """

    name: str
    old: str
    new: str
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"  ({', '.join(self.targets)})" if self.targets else ""
        if not self.old:
            return f"+ {self.name} {self.new}{where}"
        if not self.new:
            return f"- {self.name} {self.old}{where}"
        if self.old == self.new:
            return f"! {self.name} {self.new}: other files than before{where}"
        return f"~ {self.name} {self.old} → {self.new}{where}"


def changes(old: Lock | None, new: Lock) -> tuple[Change, ...]:
    """Return what `new` changes of `old`, sorted by package.

    Where targets came or went, only those that both have are compared; everything is new where
    there was no lock.
    """
    before = {} if old is None else old.targets
    common = [target for target in new.targets if target in before] or list(new.targets)
    versions = [_packages(before, common), _packages(new.targets, common)]
    names = sorted({name for one in versions for pins in one.values() for name in pins})
    found: list[Change] = []
    for name in names:
        moves: dict[tuple[str, str, bool], list[str]] = {}
        for target in common:
            was, now = (one[target].get(name) for one in versions)
            if was or now:
                moves.setdefault(_move(was, now), []).append(str(target))
        for move in sorted(moves):
            old_version, new_version, same = move
            targets = () if len(moves) == 1 else tuple(sorted(moves[move]))
            if not same:
                found.append(Change(name, old_version, new_version, targets))
    return tuple(found)


def _move(was: Pin | None, now: Pin | None) -> tuple[str, str, bool]:
    """Return both versions, and whether they are the same package."""
    old, new = (pin.version if pin else "" for pin in (was, now))
    shared = was and now and not set(was.hashes).isdisjoint(now.hashes)
    return old, new, old == new and bool(shared)


def _packages(
    pins: Mapping[Target, tuple[Pin, ...]], targets: Iterable[Target]
) -> dict[Target, dict[str, Pin]]:
    return {target: {pin.name: pin for pin in pins.get(target, ())} for target in targets}
