"""What a lock holds, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import counted

if TYPE_CHECKING:
    from algo.environments.changes import Change
    from algo.project.lock import Lock
    from algo.project.project import Project


@dataclass(frozen=True, slots=True)
class LockedTarget:
    """A target of a lock and how many packages it has."""

    platform: str
    python: str
    group: str
    packages: int


@dataclass(frozen=True, slots=True)
class LockReport:
    """A lock in numbers, and what it changed."""

    name: str
    path: str
    inputs: str
    targets: tuple[LockedTarget, ...]
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        """One line per change, then one per target."""
        lines = (
            f"{one.platform} python{one.python} {one.group}: {counted(one.packages, 'package')}"
            for one in self.targets
        )
        return "\n".join([*map(str, self.changes), *lines])


def describe_lock(project: Project, lock: Lock, changed: tuple[Change, ...] = ()) -> LockReport:
    """Return what `lock` holds, and what it changed."""
    targets = tuple(
        LockedTarget(target.platform, target.python, target.group, len(lock.targets[target]))
        for target in sorted(lock.targets)
    )
    return LockReport(project.name, project.lock_path.name, lock.inputs, targets, changed)
