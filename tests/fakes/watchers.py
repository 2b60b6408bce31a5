"""A watcher that tells what the test says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from algo.watch.interface import Change

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeWatcher:
    """Call `change` to tell of a change."""

    def __init__(self) -> None:
        self.stopped = False
        self._changed: Callable[[Change], None] | None = None

    def start(self, changed: Callable[[Change], None]) -> None:
        self._changed = changed

    def stop(self) -> None:
        self.stopped = True

    def change(self, *paths: str) -> None:
        """Tell that `paths` changed now."""
        assert self._changed is not None
        self._changed(Change(paths, time.monotonic()))
