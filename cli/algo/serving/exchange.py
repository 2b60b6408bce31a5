"""Another instance in place of the one that serves: started beside it, let in once it loaded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import field

from algo.serving.control import OVERTAKEN, Control, Fault
from algo.serving.errors import ControlLost, LoadFailed
from algo.serving.lines import Printed
from algo.serving.probe import describe, refuse_failed
from algo.serving.start import launch_of, logging
from algo.signals import deferred, postponed
from algo.values import Record, Value

if TYPE_CHECKING:
    from algo.engines.interface import Engine, Instance
    from algo.events import Notify
    from algo.serving.interface import Servable
    from algo.serving.start import StartOptions
    from algo.watch.interface import Change


class Coming(Record):
    """An instance that loads, to take over.

    Attributes:
        instance: It.
        servable: What it is to serve.
        change: What asked for it.
        force: Whether the user did, by a key.
    """

    instance: Instance
    servable: Servable
    change: Change
    force: bool
    _printed: Printed
    _edits: list[threading.Thread] = field(default_factory=list)
    _fault: Fault | None = None
    _lost: ControlLost | None = None

    def bring(self, paths: tuple[str, ...]) -> bool:
        """Begin to bring an edit; False while nobody listens.

        It takes the place of what loads, be that its first load or an earlier edit.
        """
        address = self.instance.control
        if address is None or not Control(address).listens():
            return False
        edit = threading.Thread(
            target=self._bring, args=(Control(address), paths), name="edit", daemon=True
        )
        self._edits.append(edit)
        edit.start()
        return True

    def loaded(self) -> bool:
        """Tell whether it takes calls once it is let in, with every edit that was brought.

        Raises:
            LoadFailed: It does not load.
            ControlLost: The control endpoint does not answer any more.
            EngineLost: The engine that runs it went away.
        """
        brings = any(edit.is_alive() for edit in self._edits)
        if self._edits:
            # Of code that has been edited since.
            self._printed.fault = None
        refuse_failed(self.instance, self._printed)
        if brings:
            return False
        if self._lost is not None:
            raise self._lost
        if self._fault is not None:
            raise LoadFailed(f"an edit meanwhile did not load: {describe(self._fault)}")
        # Where it will answer, the one answers that serves: only its own word counts.
        return self._printed.ready

    def _bring(self, control: Control, paths: tuple[str, ...]) -> None:
        try:
            outcome = control.reload(paths)
        except ControlLost as error:
            self._lost = error
            return
        fault = outcome.error
        if fault is None or fault.type != OVERTAKEN:
            self._fault = fault


class Served(Record):
    """What is served, and by which instance.

    Attributes:
        instance: The one that serves.
        servable: What it serves.
        wanted: What the working tree asked for last.
        ready: Whether it takes calls: only its first load is waited for.
        coming: The one that is to take over.
        leaving: Instances that answer what they have before they end.
    """

    instance: Instance
    servable: Servable
    wanted: Servable
    ready: bool = True
    coming: Coming | None = None
    leaving: list[Instance] = field(default_factory=list)

    def clear_away(self) -> None:
        """Remove what has ended of those that leave."""
        for other in [one for one in self.leaving if one.ended() is not None]:
            with postponed():
                self.leaving.remove(other)
                other.stop()

    def stop(self, grace: float = 3.0) -> None:
        """End all of them: calls in flight get `grace` seconds."""
        coming = () if self.coming is None else (self.coming.instance,)
        for one in (self.instance, *coming, *self.leaving):
            one.stop(grace)


class Exchange(Value, frozen=True):
    """Exchanges the instance that serves for a new one, and loses no request."""

    engine: Engine
    options: StartOptions
    notify: Notify

    def begin(self, served: Served, wanted: Servable, change: Change, *, force: bool) -> bool:
        """Start an instance of `wanted` for `change`; False where the engine cannot do that.

        Raises:
            AlgoError: As the engine's `start`.
        """
        printed = Printed()
        with deferred():
            launch = launch_of(wanted, self.options)
            new = self.engine.beside(served.instance, launch, logging(printed, self.notify))
            if new is not None:
                served.coming = Coming(new, wanted, change, force, printed)
        return new is not None

    def let_in(self, served: Served, coming: Coming) -> None:
        """Let the one that comes take over; the old one answers what it has.

        Raises:
            ControlLost: One of them does not answer.
        """
        new, old = coming.instance, served.instance
        assert new.control is not None and old.control is not None
        with deferred():
            Control(new.control).do("accept")
            Control(old.control).do("leave")
            new.succeed(old)
            served.coming = None
            served.leaving.append(old)
            served.instance = new
            served.servable = served.wanted = coming.servable

    def give_up(self, served: Served) -> None:
        """End the one that comes, if there is one; what serves goes on."""
        coming = served.coming
        if coming is not None:
            with postponed():
                served.coming = None
                coming.instance.stop(grace=0.5)
