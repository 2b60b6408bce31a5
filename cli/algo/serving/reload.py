"""Bring what changed into a running service: code at once, an environment once it is prepared."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from algo.engines.interface import HostEnvironment
from algo.errors import AlgoError
from algo.events import Note, Reloaded, ReloadFailed, Warned
from algo.languages.errors import StepFailed
from algo.project.errors import EntrypointMissing, ModelMissing
from algo.serving.control import OVERTAKEN, Control, Wanted
from algo.serving.errors import ControlLost
from algo.serving.probe import advice_of, kind_of, trace_of
from algo.watch.interface import Change

if TYPE_CHECKING:
    from algo.events import Event, Notify
    from algo.serving.control import Outcome
    from algo.serving.exchange import Coming, Exchange, Served
    from algo.serving.interface import Servable, Tree

_LONG = 10.0
_MANY = 4


class Reloads:
    """The reloads of one service; a newer one overtakes one that is still loading.

    Code is brought by a thread of its own. What has to be prepared first waits in `heavy` for the
    thread that calls `prepare`: a signal can end that one, with all that it has begun.

    Args:
        served: What is served.
        tree: Prepares what changes of environment, models and limits ask for; None for none.
        exchange: Brings what the running instance cannot become.
        notify: Gets one event for every change.
    """

    def __init__(
        self, served: Served, tree: Tree | None, exchange: Exchange, notify: Notify
    ) -> None:
        self._served = served
        self._tree = tree
        self._exchange = exchange
        self._notify = notify
        self._failed = False
        # What failed for the code's sake, and is still wanted: the next edit may mend it.
        self._owed = False
        self._lock = threading.Lock()
        self._held: dict[str, None] = {}
        self._since: dict[str, None] = {}
        self._error: ControlLost | None = None
        self._newest: Change | None = None
        # Changes that have to be prepared, and keys that were pressed.
        self.heavy: queue.SimpleQueue[Change | str] = queue.SimpleQueue()

    def take(self, change: Change) -> None:
        """Begin to bring `change`, or leave it for `prepare`."""
        tree = self._tree
        if tree is not None and (self._owed or any(map(tree.concerned, change.paths))):
            self.heavy.put(change)
        else:
            self._begin(change)

    def force(self) -> None:
        """Try again what was refused, and make a new worker of the code as it is."""
        self._prepare(Change((), time.monotonic()), force=True)

    def check(self) -> None:
        """Let in what has loaded, and say it when the newest change takes long.

        Raises:
            ControlLost: The control endpoint did not answer to an earlier one.
        """
        if self._error is not None:
            raise self._error
        if self._served.coming is not None:
            self._attend(self._served.coming)
        change = self._newest
        if change is not None and time.monotonic() - change.at > _LONG:
            self._newest = None
            trigger = _name(change.paths)
            now = "the old code goes on serving" if self._served.ready else "nothing serves yet"
            self._notify(Warned(f"{trigger} is loading since {_LONG:.0f} s; {now}"))

    def prepare(self, change: Change) -> None:
        """Prepare what the working tree asks for now, then bring it."""
        self._prepare(change, force=False)

    def _prepare(self, change: Change, *, force: bool) -> None:
        tree, served = self._tree, self._served
        again = self._owed or (force and (self._failed or served.coming is not None))
        if tree is None or not (again or tree.changed()):
            self._unchanged(change, force=force)
            return
        try:
            wanted = tree.prepare(served.wanted, served.instance.shared, self._notify_steps)
        except AlgoError as error:
            if self._brings_back(change, error):
                self._notify(Warned(f"{error.message}; the old environment goes on"))
                self._begin(change, force=force)
            else:
                self._refuse(change, error, force=force)
            return
        self._failed = self._owed = False
        # Of what the working tree asked for before; it may never load.
        self._exchange.give_up(served)
        if wanted.base != served.servable.base:
            self._renew(change, wanted, force=force)
            return
        served.wanted = wanted
        self._begin(change, force=force)

    def _brings_back(self, change: Change, error: AlgoError) -> bool:
        """Tell whether code that was missing is back, and only the environment is still wrong.

        That was told when it became so, and keeps no edit of code from coming in.
        """
        tree = self._tree
        if not self._owed or _is_missing(error) or tree is None:
            return False
        self._owed = any(map(tree.concerned, change.paths))
        return not self._owed

    def _renew(self, change: Change, wanted: Servable, *, force: bool) -> None:
        """Begin to let another instance take over."""
        with self._lock:
            self._since = {}
        try:
            begun = self._exchange.begin(self._served, wanted, change, force=force)
        except AlgoError as error:
            self._owed = True
            self._refuse(change, error, force=force)
            return
        if begun:
            self._newest = change
        else:
            self._advise(change, wanted, force=force)

    def _attend(self, coming: Coming) -> None:
        """Bring an instance that loads what changed since, and let it in when it has loaded."""
        change, before = coming.change, self._served.servable
        try:
            late = self._late()
            if late and not coming.bring(late):
                with self._lock:
                    self._since = dict.fromkeys(late) | self._since
            if not coming.loaded():
                return
            self._exchange.let_in(self._served, coming)
        except AlgoError as error:
            self._exchange.give_up(self._served)
            self._owed = True
            self._refuse(change, error, force=coming.force)
            if late := self._late():
                self.heavy.put(Change(late, time.monotonic()))
            return
        finally:
            if self._newest is change and self._served.coming is None:
                self._newest = None
        trigger = _name(change.paths, force=coming.force)
        count = changed_packages(before, coming.servable)
        self._notify(Reloaded(trigger, "container", _since(change), count))
        if late := self._late():
            self._begin(Change(late, time.monotonic()))

    def _late(self) -> tuple[str, ...]:
        """Take the code that changed since another instance began, as far as nobody took it."""
        with self._lock:
            paths, self._since = tuple(self._since), {}
        return self._code(paths)

    def _refuse(self, change: Change, error: AlgoError, *, force: bool) -> None:
        """Say why a change does not come in, and keep its code for the next one."""
        self._failed = True
        # What is missing, an edit of another file brings back.
        self._owed = self._owed or _is_missing(error)
        with self._lock:
            self._held |= dict.fromkeys(self._code(change.paths))
        details = error.details + (f"\nhint: {error.hint}" if error.hint else "")
        trigger = _name(change.paths, force=force)
        file, line = (error.file, error.line) if isinstance(error, StepFailed) else ("", 0)
        told = ReloadFailed(trigger, error.message, file, line, details.strip())
        self._notify(replace(told, serves=self._served.ready))

    def _advise(self, change: Change, wanted: Servable, *, force: bool) -> None:
        """Say that the instance cannot become all that is wanted; bring the rest."""
        text = f"{_name(change.paths)} changed: stop algo serve and start it again to use it"
        self._notify(Warned(text))
        served = self._served
        if isinstance(wanted.artifact, HostEnvironment):
            served.wanted = msgspec.structs.replace(wanted, base=served.servable.base)
        if self._code(change.paths) or served.wanted != served.servable:
            self._begin(change, force=force)

    def _unchanged(self, change: Change, *, force: bool) -> None:
        """Bring the rest of a change whose manifest and requirements say what they said before."""
        tree = self._tree
        if self._code(change.paths) or force:
            self._begin(change, force=force)
        elif tree is None or not all(map(tree.writes, change.paths)):
            self._notify(Reloaded(_name(change.paths), "none", _since(change)))

    def _code(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        tree = self._tree
        return tuple(path for path in paths if tree is None or tree.is_code(path))

    def _notify_steps(self, event: Event) -> None:
        """Leave out what a reload is about to tell in its own line."""
        if not isinstance(event, Note):
            self._notify(event)

    def _begin(self, change: Change, *, force: bool = False) -> None:
        with self._lock:
            change = Change(tuple(dict.fromkeys((*change.paths, *self._held))), change.at)
            self._held = {}
            self._since |= dict.fromkeys(change.paths)
        self._newest = change
        threading.Thread(
            target=self._bring, args=(change, force), name="reload", daemon=True
        ).start()

    def _bring(self, change: Change, force: bool) -> None:
        served = self._served
        wanted, control = served.wanted, served.instance.control
        if control is None:
            return
        try:
            outcome = Control(control).reload(
                self._code(change.paths), wanted_of(wanted), force=force
            )
        except ControlLost as error:
            if served.instance.control is control:
                self._error = error
            return
        event = told(change, outcome, force=force)
        if isinstance(event, Reloaded) and served.instance.control is control:
            event = replace(event, packages=changed_packages(served.servable, wanted))
            served.servable = wanted
        if isinstance(event, ReloadFailed):
            event = replace(event, serves=served.ready)
        if event is not None:
            self._notify(event)
        if self._newest is change:
            self._newest = None


def _is_missing(error: AlgoError) -> bool:
    return isinstance(error, EntrypointMissing | ModelMissing)


def wanted_of(servable: Servable) -> Wanted:
    """Return `servable` as a gateway is told it."""
    found = servable.artifact
    here = found if isinstance(found, HostEnvironment) else None
    places = (here.python, here.packages, here.program) if here else (None, None, None)
    python, packages, program = ("" if path is None else str(path) for path in places)
    return Wanted(
        python=python,
        packages=packages or servable.packages_at,
        program=program or servable.program_at,
        description=msgspec.Raw(servable.description),
    )


def changed_packages(old: Servable, new: Servable) -> int:
    """Return how many packages came, went or have another version."""
    changed = set(old.packages) ^ set(new.packages)
    return len({package.partition("==")[0] for package in changed})


def told(change: Change, outcome: Outcome, *, force: bool = False) -> Event | None:
    """Return what there is to say of a reload; None where another one brought, or brings, all."""
    trigger = _name(change.paths, force=force)
    if outcome.ok and outcome.rung == "earlier":
        return None
    if outcome.error is None and outcome.ok:
        return Reloaded(trigger, outcome.rung, _since(change))
    fault = outcome.error
    if fault is None:
        return ReloadFailed(trigger, "the gateway gave no reason")
    if fault.type == OVERTAKEN:
        return None
    hint, trace = advice_of(fault), trace_of(fault)
    details = f"{trace}\nhint: {hint}".strip() if hint else trace
    message = f"{kind_of(fault)}{fault.message}"
    return ReloadFailed(trigger, message, fault.file, fault.line, details)


def _since(change: Change) -> float:
    return round((time.monotonic() - change.at) * 1000, 1)


def _name(paths: tuple[str, ...], *, force: bool = False) -> str:
    if force or not paths:
        return "r"  # the key
    if len(paths) > _MANY:
        return f"{len(paths)} files"
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
