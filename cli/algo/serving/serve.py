"""Serve an algorithm and bring every edit into it until the user has enough."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from algo.events import Ready, Stopped
from algo.serving.errors import ServiceEnded
from algo.serving.exchange import Exchange, Served
from algo.serving.reload import Reloads
from algo.serving.start import one_at_a_time, start
from algo.signals import terminable, unstoppable
from algo.watch.interface import Change

if TYPE_CHECKING:
    from algo.engines.interface import Engine
    from algo.events import Notify
    from algo.serving.interface import Servable, Tree
    from algo.serving.start import StartOptions
    from algo.watch.interface import Watcher

_LOOK_EVERY = 0.1


def serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    *,
    sample: str,
    watcher: Watcher | None,
    tree: Tree | None,
    notify: Notify,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and stop everything before returning.

    Args:
        engine: Where it runs.
        servable: What runs.
        options: Where it listens and what it may use.
        sample: A request body as JSON text, for the `curl` that is shown.
        watcher: Tells of edits; None serves without reload.
        tree: Prepares what edits ask of environment and limits; None for what is no project.
        notify: Gets `Ready`, then `Reloaded`, `ReloadFailed`, `Log`, `Warned`, then `Stopped`.

    Raises:
        KeyboardInterrupt: The user stopped it before it was ready.
        LoadFailed: The algorithm's own code failed at the start.
        ServiceEnded: The service ended by itself.
        EngineLost: The engine that runs it went away.
    """
    notify = one_at_a_time(notify)
    changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
    with terminable():
        try:
            # Before the code is read, so that an edit during the start is not lost.
            if watcher is not None:
                watcher.start(changes.put)
            _serve(engine, servable, options, sample, tree, changes, notify)
        finally:
            if watcher is not None:
                with unstoppable():
                    watcher.stop()


def _serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    sample: str,
    tree: Tree | None,
    changes: queue.SimpleQueue[Change | None],
    notify: Notify,
) -> None:
    served = Served(start(engine, servable, options, notify), servable, servable)
    reason = "failed"
    try:
        where, grpc = served.instance.url, served.instance.grpc
        token = options.access.tokens is not None
        notify(Ready(where, sample, engine.name, servable.digest, grpc, token))
        reloads = Reloads(served, tree, Exchange(engine, options, notify), notify)
        reason = _follow(served, reloads, changes)
    except KeyboardInterrupt:
        reason = "interrupted"
    finally:
        with unstoppable():
            served.stop()
            changes.put(None)
            notify(Stopped(reason))


def _follow(served: Served, reloads: Reloads, changes: queue.SimpleQueue[Change | None]) -> str:
    """Reload on every change until the instance ends, which it should not."""
    threading.Thread(target=_hand_on, args=(changes, reloads), name="changes", daemon=True).start()
    while True:
        try:
            change = reloads.heavy.get(timeout=_LOOK_EVERY)
        except queue.Empty:
            ended = served.instance.ended()
            if ended is not None:
                raise ServiceEnded(f"the service ended by itself: {ended.reason}") from None
            reloads.check()
            served.clear_away()
        else:
            reloads.prepare(_together(change, reloads.heavy))


def _hand_on(changes: queue.SimpleQueue[Change | None], reloads: Reloads) -> None:
    while (change := changes.get()) is not None:
        reloads.take(change)


def _together(first: Change, waiting: queue.SimpleQueue[Change]) -> Change:
    """Return `first` and all that waits behind it as one change."""
    paths = dict.fromkeys(first.paths)
    while not waiting.empty():
        paths.update(dict.fromkeys(waiting.get().paths))
    return Change(tuple(paths), first.at)
