"""Serve an algorithm and bring every edit into it until the user has enough."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from algo.events import Log, Note, Ready, Stopped, one_at_a_time
from algo.serving.errors import ServiceEnded
from algo.serving.exchange import Exchange, Served
from algo.serving.first import first_load
from algo.serving.lines import Printed
from algo.serving.reload import Reloads
from algo.serving.start import begin, still_loading
from algo.signals import postponed, terminable, unstoppable
from algo.watch.interface import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.engines.interface import Engine
    from algo.events import Event, Notify
    from algo.serving.interface import Servable, Tree
    from algo.serving.keys import Keys
    from algo.serving.start import StartOptions
    from algo.watch.interface import Watcher

_LOOK_EVERY = 0.1
QUIT, RELOAD, LINES = "q", "r", "l"
_RELOADS = "r reloads, "
_QUIT = "quit"
_HINT = f"{_RELOADS}q quits, l hides what the code prints"


def serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    *,
    sample: Callable[[str], str],
    watcher: Watcher | None,
    tree: Tree | None,
    notify: Notify,
    keys: Keys | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and stop everything before returning.

    Args:
        engine: Where it runs.
        servable: What runs.
        options: Where it listens and what it may use.
        sample: Finds a request body as JSON text, for the `curl` that is shown, once something
            answers at the URL that it is given.
        watcher: Tells of edits; None serves without reload.
        tree: Prepares what edits ask of environment and limits; None for what is no project.
        keys: Of the terminal: `r` reloads, `q` quits, `l` hides or shows what the code prints; all
            of them from the first load on.
        notify: Gets `Ready`, then `Reloaded`, `ReloadFailed`, `Log`, `Warned`, then `Stopped`;
            all but `Stopped` also before `Ready`, where an edit takes the place of the first load.

    Raises:
        KeyboardInterrupt: The user stopped it before it was ready.
        LoadFailed: The algorithm's own code failed at the start.
        ServiceEnded: The service ended by itself.
        EngineLost: The engine that runs it went away.
    """
    lines = Lines(one_at_a_time(notify))
    changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
    with terminable(), keys or contextlib.nullcontext():
        try:
            # Before the code is read, so that an edit during the start is not lost.
            if watcher is not None:
                watcher.start(changes.put)
            follows = watcher is not None
            _serve(engine, servable, options, sample, tree, changes, lines, keys, follows=follows)
        finally:
            if watcher is not None:
                with unstoppable():
                    watcher.stop()


def _serve(
    engine: Engine,
    servable: Servable,
    options: StartOptions,
    sample: Callable[[str], str],
    tree: Tree | None,
    changes: queue.SimpleQueue[Change | None],
    lines: Lines,
    keys: Keys | None,
    *,
    follows: bool,
) -> None:
    notify, printed, pressed = lines.notify, Printed(), Pressed(lines)
    begun = begin(engine, servable, options, printed, notify)
    served = Served(begun, servable, servable, ready=False)
    reloads = Reloads(served, tree, Exchange(engine, options, notify), notify)
    ways = ["an edit takes its place"] if follows else []
    try:
        if keys is not None:
            pressed.reloads = reloads if begun.control else None
            ways += ["r loads it anew"] if begun.control else []
            keys.listen(pressed.key)
        slow = partial(notify, still_loading(servable, *ways))
        first_load(served, printed, reloads, changes, slow)
    except BaseException as error:
        with postponed():
            served.stop(grace=0.5)
        if pressed.ends(error):
            notify(Stopped(_QUIT))
            return
        raise
    reason = "failed"
    try:
        where, grpc = served.instance.url, served.instance.grpc
        token = options.access.tokens is not None
        notify(Ready(where, sample(where), engine.name, served.servable.digest, grpc, token))
        if keys is not None:
            notify(Note(_HINT if served.instance.control else _HINT.removeprefix(_RELOADS)))
        _follow(served, reloads, changes)
    except KeyboardInterrupt as error:
        reason = _QUIT if pressed.ends(error) else "interrupted"
    finally:
        with unstoppable():
            served.stop()
            changes.put(None)
            notify(Stopped(reason))


def _follow(
    served: Served, reloads: Reloads, changes: queue.SimpleQueue[Change | None]
) -> NoReturn:
    """Reload on every change until the instance ends, which it should not."""
    threading.Thread(target=_hand_on, args=(changes, reloads), name="changes", daemon=True).start()
    while True:
        try:
            what = reloads.heavy.get(timeout=_LOOK_EVERY)
        except queue.Empty:
            ended = served.instance.ended()
            if ended is not None:
                raise ServiceEnded(f"the service ended by itself: {ended.reason}") from None
            reloads.check()
            served.clear_away()
        else:
            if isinstance(what, Change):
                reloads.prepare(what)
            else:
                reloads.force()


def _hand_on(changes: queue.SimpleQueue[Change | None], reloads: Reloads) -> None:
    while (change := changes.get()) is not None:
        reloads.take(change)


class Pressed:
    """What the keys do; `reloads` is None while there is nothing to reload."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._quits = False
        self.reloads: Reloads | None = None

    def key(self, key: str) -> None:
        """Do what `key` stands for."""
        if key == LINES:
            self._lines.toggle()
        elif key == RELOAD and self.reloads is not None:
            self.reloads.heavy.put(key)
        elif key == QUIT and not self._quits:
            # As Ctrl-C would: whatever goes on is ended, with what it has begun.
            self._quits = True
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)

    def ends(self, error: BaseException) -> bool:
        """Tell whether `error` is the end that a key asked for."""
        return self._quits and isinstance(error, KeyboardInterrupt)


class Lines:
    """Passes events on; what the user's code prints can be hidden."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._hidden = False

    def notify(self, event: Event) -> None:
        """Show an event."""
        if not (self._hidden and isinstance(event, Log)):
            self._notify(event)

    def toggle(self) -> None:
        """Hide what the code prints, or show it again."""
        self._hidden = not self._hidden
        self._notify(Note(f"what the code prints is {'hidden' if self._hidden else 'shown'}"))
