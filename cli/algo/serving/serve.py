"""Serve an algorithm and bring every edit into it until the user has enough."""

from __future__ import annotations

import queue
import threading
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from algo.events import Ready, Reloaded, ReloadFailed, Stopped, Warned
from algo.serving.control import Control
from algo.serving.errors import ControlLost, ServiceEnded
from algo.serving.start import one_at_a_time, start
from algo.signals import terminable, unstoppable
from algo.watch.interface import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.engines.interface import Engine, Instance
    from algo.events import Event, Notify
    from algo.serving.interface import Servable
    from algo.serving.start import StartOptions
    from algo.watch.interface import Watcher

_LOOK_EVERY = 0.1
_LONG = 10.0
_MANY = 4
_REQUIREMENTS = ("requirements*.txt", "requirements*.in", "pyproject.toml")


def serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    *,
    sample: str,
    watcher: Watcher | None,
    notify: Notify,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and stop everything before returning.

    Args:
        engine: Where it runs.
        servable: What runs.
        options: Where it listens and what it may use.
        sample: A request body as JSON text, for the `curl` that is shown.
        watcher: Tells of edits; None serves without reload.
        notify: Gets `Ready`, then `Reloaded`, `ReloadFailed`, `Log`, `Warned`, then `Stopped`.

    Raises:
        KeyboardInterrupt: The user stopped it before it was ready.
        LoadFailed: The algorithm's own code failed at the start.
        ServiceEnded: The service ended by itself.
        EngineLost: The engine that runs it went away.
    """
    notify = one_at_a_time(notify)
    changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
    with terminable():
        try:
            # Before the code is read, so that an edit during the start is not lost.
            if watcher is not None:
                watcher.start(changes.put)
            _serve(engine, servable, options, sample, changes, notify)
        finally:
            if watcher is not None:
                with unstoppable():
                    watcher.stop()


def _serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    sample: str,
    changes: queue.SimpleQueue[Change],
    notify: Notify,
) -> None:
    instance = start(engine, servable, options, notify)
    reason = "failed"
    try:
        notify(Ready(instance.url, sample, engine.name, servable.digest))
        reason = _follow(instance, changes, notify)
    except KeyboardInterrupt:
        reason = "interrupted"
    finally:
        with unstoppable():
            instance.stop()
            notify(Stopped(reason))


def _follow(instance: Instance, changes: queue.SimpleQueue[Change], notify: Notify) -> str:
    """Reload on every change until the instance ends, which it should not."""
    reloads = Reloads(instance, notify)
    while True:
        try:
            change = _together(changes.get(timeout=_LOOK_EVERY), changes)
        except queue.Empty:
            ended = instance.ended()
            if ended is not None:
                raise ServiceEnded(f"the service ended by itself: {ended.reason}") from None
            reloads.check()
        else:
            reloads.begin(change)


class Reloads:
    """The reloads of one instance; a newer one overtakes one that is still loading."""

    def __init__(self, instance: Instance, notify: Notify) -> None:
        self._instance = instance
        self._notify = notify
        self._error: ControlLost | None = None
        self._newest: Change | None = None

    def begin(self, change: Change) -> None:
        """Bring `change` into the instance, from a thread of its own."""
        self._newest = change
        threading.Thread(target=self._bring, args=(change,), name="reload", daemon=True).start()

    def check(self) -> None:
        """Say it when the newest change takes long.

        Raises:
            ControlLost: The control endpoint did not answer to an earlier one.
        """
        if self._error is not None:
            raise self._error
        change = self._newest
        if change is not None and time.monotonic() - change.at > _LONG:
            self._newest = None
            trigger = _name(change.paths)
            text = f"{trigger} is loading since {_LONG:.0f} s; the old code goes on serving"
            self._notify(Warned(text))

    def _bring(self, change: Change) -> None:
        try:
            for event in reload(self._instance, change):
                self._notify(event)
        except ControlLost as error:
            self._error = error
        if self._newest is change:
            self._newest = None


def reload(instance: Instance, change: Change) -> Iterable[Event]:
    """Bring `change` into the instance and return what there is to say about it.

    Raises:
        ControlLost: The control endpoint does not answer.
    """
    code = tuple(path for path in change.paths if not _needs_restart(path))
    for path in change.paths:
        if _needs_restart(path):
            yield Warned(_advice(path))
    if not code or instance.control is None:
        return
    trigger = _name(code)
    outcome = Control(instance.control).reload(code)
    if outcome.error is None and outcome.ok:
        yield Reloaded(trigger, outcome.rung, round((time.monotonic() - change.at) * 1000, 1))
        return
    fault = outcome.error
    if fault is None:
        yield ReloadFailed(trigger, "the gateway gave no reason")
        return
    if fault.type == "overtaken":
        return
    kind = f"{fault.type}: " if fault.type else ""
    yield ReloadFailed(
        trigger, f"{kind}{fault.message}", fault.file, fault.line, fault.stacktrace.strip()
    )


def _together(first: Change, changes: queue.SimpleQueue[Change]) -> Change:
    """Return `first` and all that waits behind it as one change."""
    paths = dict.fromkeys(first.paths)
    while not changes.empty():
        paths.update(dict.fromkeys(changes.get().paths))
    return Change(tuple(paths), first.at)


def _name(paths: tuple[str, ...]) -> str:
    if len(paths) > _MANY:
        return f"{len(paths)} files"
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _needs_restart(path: str) -> bool:
    return path in ("algo.toml", "algo.lock") or _is_requirements(path)


def _is_requirements(path: str) -> bool:
    return "/" not in path and any(fnmatchcase(path, pattern) for pattern in _REQUIREMENTS)


def _advice(path: str) -> str:
    if _is_requirements(path):
        return (
            f"{path} changed: stop algo serve and start it again to install it (it is locked then)"
        )
    return f"{path} changed: stop algo serve and start it again to use it"
