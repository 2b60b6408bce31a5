"""What a use case needs of a watcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable


class Change(Value, frozen=True):
    """Files whose content changed together: paths relative to the project, sorted.

    `at` is when the first of them was seen to change, in seconds of the monotonic clock.
    """

    paths: tuple[str, ...]
    at: float


class Watcher(Protocol):
    """Tells, from another thread, what changed on disk."""

    def start(self, changed: Callable[[Change], None]) -> None:
        """Remember the files as they are, then call `changed` once per burst of changes."""

    def stop(self) -> None:
        """Stop watching; `changed` is not called after this returns."""
