"""What a lock holds, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import counted, sized
from algo.project.models import without_hash
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection

    from algo.environments.changes import Change
    from algo.project.lock import Lock
    from algo.project.project import Project


class LockedTarget(Value, frozen=True):
    """A target of a lock and how many packages it has.

    `environment` is a Python (`python3.13`), `conda`, or another language's manager (`npm`).
    """

    platform: str
    environment: str
    group: str
    packages: int


class LockedModelReport(Value, frozen=True):
    """A fetched model; `size` in bytes. `changed`: its origin has something else by now."""

    name: str
    source: str
    revision: str
    files: int
    size: int
    changed: bool


class LockReport(Value, frozen=True):
    """A lock in numbers, and what it changed."""

    name: str
    path: str
    inputs: str
    targets: tuple[LockedTarget, ...]
    changes: tuple[Change, ...]
    models: tuple[LockedModelReport, ...] = ()

    @property
    def text(self) -> str:
        """One line per change, then one per target and per model."""
        lines = [
            f"{one.platform} {one.environment} {one.group}: {counted(one.packages, 'package')}"
            for one in self.targets
        ]
        lines += [
            f"model {one.name}: {counted(one.files, 'file')}, {sized(one.size)}"
            f" of {without_hash(one.source)}{f' at {one.revision[:19]}' if one.revision else ''}"
            for one in self.models
        ]
        return "\n".join([*map(str, self.changes), *lines])


def describe_lock(
    project: Project, lock: Lock, changed: tuple[Change, ...] = (), moved: Collection[str] = ()
) -> LockReport:
    """Return what `lock` holds, and what it changed.

    Args:
        project: Whose it is.
        lock: The lock.
        changed: What it changed of the one before.
        moved: The models whose origins have something else by now.
    """
    targets = tuple(
        LockedTarget(target.platform, target.environment, target.group, len(lock.targets[target]))
        for target in sorted(lock.targets)
    )
    models = tuple(
        LockedModelReport(
            model.name,
            model.source,
            model.revision,
            len(model.files),
            model.size,
            model.name in moved,
        )
        for model in lock.models
    )
    name = project.lock_path.name
    return LockReport(project.name, name, lock.inputs, targets, changed, models)
