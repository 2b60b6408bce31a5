"""The watcher over watchdog: inotify, FSEvents or Windows' own, whichever the system has."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.watch import git
from algo.watch.debounce import Debounce
from algo.watch.errors import WatchImpossible
from algo.watch.ignore import FILE, IgnoreRules
from algo.watch.interface import Change
from algo.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.api import BaseObserver, ObservedWatch

# Reading and closing a file change nothing; a closed file that was written was modified before.
_CHANGES = frozenset({"created", "modified", "deleted", "moved", "closed"})
# A git command that takes longer is not waited for.
_GIT_PATIENCE = 15.0
# On a busy machine even the first event comes after git has ended.
_GIT_MARGIN = 2.0


class FolderWatcher:
    """Watches the files below a folder that its `.algoignore` does not name.

    Args:
        root: The folder.
        quiet: Seconds without an event that end a burst.
        back_within: Seconds that a file which is gone, or empty, has to come back: an editor
            may rename the old one, or empty it, before it writes the new one.
    """

    def __init__(self, root: Path, *, quiet: float = 0.05, back_within: float = 0.2) -> None:
        self._root = root.resolve()
        self._quiet = quiet
        self._back_within = back_within
        self._raw: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
        self._rules = read_rules(self._root)
        self._snapshot = Snapshot(self._root, self._rules)
        self._observer: BaseObserver | None = None
        self._thread: threading.Thread | None = None
        self._watches: dict[str, ObservedWatch] = {}
        self._git_until = 0.0

    def start(self, changed: Callable[[Change], None]) -> None:
        """Remember the files as they are, then call `changed` once per burst of changes.

        Raises:
            WatchImpossible: The system has no watches left.
        """
        from watchdog.observers import Observer

        self._observer = Observer()
        try:
            # Folders of their own, so that an ignored one (.venv, node_modules) costs no watch.
            self._schedule("", recursive=False)
            self._schedule_children()
            self._observer.start()
        except OSError as error:
            raise WatchImpossible(f"{self._root} cannot be watched: {error.strerror}") from error
        self._snapshot.take()
        self._thread = threading.Thread(target=self._gather, args=(changed,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; `changed` is not called after this returns."""
        self._raw.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _schedule(self, folder: str, *, recursive: bool) -> None:
        assert self._observer is not None
        handler = _handler(self._noticed)
        where = str(self._root / folder)
        self._watches[folder] = self._observer.schedule(handler, where, recursive=recursive)

    def _schedule_children(self) -> None:
        for child in self._root.iterdir():
            if self._is_folder(child.name):
                self._schedule(child.name, recursive=True)

    def _schedule_again(self, child: str) -> None:
        """Watch the folder `child` of the root, which came, went or was replaced."""
        assert self._observer is not None
        old = self._watches.pop(child, None)
        if old is not None:
            # A watch belongs to the folder, not to its name: the next one of it is another.
            self._observer.unschedule(old)
        if self._is_folder(child):
            # Gone again already: that is the next event.
            with contextlib.suppress(OSError):
                self._schedule(child, recursive=True)

    def _is_folder(self, child: str) -> bool:
        path = self._root / child
        ours = path.is_dir() and not path.is_symlink()
        return ours and not self._rules.ignores(child, folder=True)

    def _noticed(self, absolute: str) -> None:
        try:
            path = Path(absolute).relative_to(self._root).as_posix()
        except ValueError:
            return
        self._raw.put(("" if path == "." else path, time.monotonic()))

    def _gather(self, changed: Callable[[Change], None]) -> None:
        debounce = Debounce(self._quiet)
        while True:
            try:
                item = self._raw.get(timeout=debounce.wait(time.monotonic()))
            except queue.Empty:
                now = time.monotonic()
                until = self._unsettled(debounce, now)
                if until > now:
                    debounce.hold(until)
                else:
                    self._report(debounce, changed)
                continue
            if item is None:
                return
            path, at = item
            if path and not self._rules.ignores(path):
                debounce.add(path, at)

    def _unsettled(self, debounce: Debounce, now: float) -> float:
        """Return until when more of the same burst is to be expected."""
        if git.is_busy(self._root) and debounce.age(now) < _GIT_PATIENCE:
            self._git_until = now + 2 * self._quiet
        until = self._git_until
        back = now - debounce.idle(now) + self._back_within
        if back > now and self._snapshot.misses(debounce.paths):
            until = max(until, back)
        return until

    def _report(self, debounce: Debounce, changed: Callable[[Change], None]) -> None:
        # On a busy machine git may be done while its events are still on their way to us.
        whole = git.worked(self._root, debounce.age(time.monotonic()) + _GIT_MARGIN)
        paths, at = debounce.take()
        for path in paths:
            if "/" not in path:
                self._schedule_again(path)
        different = self._snapshot.changed(("",) if whole else paths)
        if FILE in different:
            self._rules = read_rules(self._root)
            self._snapshot.rules = self._rules
        if different:
            changed(Change(different, at))


def _handler(noticed: Callable[[str], None]) -> FileSystemEventHandler:
    """Return what watchdog calls with its own events; only their paths go further."""
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def dispatch(self, event: FileSystemEvent) -> None:
            folder_touched = event.is_directory and event.event_type == "modified"
            if event.event_type not in _CHANGES or folder_touched:
                return
            for path in (event.src_path, event.dest_path):
                if path:
                    noticed(path if isinstance(path, str) else os.fsdecode(path))

    return Handler()


def read_rules(root: Path) -> IgnoreRules:
    """Return the ignore rules of the project at `root`."""
    try:
        text = (root / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return IgnoreRules.of(text)
