"""Another instance in place of the one that serves: started beside it, then let in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.serving.control import Control
from algo.serving.lines import Printed
from algo.serving.probe import wait_ready
from algo.serving.start import launch_of, logging
from algo.signals import deferred, postponed

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.engines.interface import Engine, Instance
    from algo.events import Notify
    from algo.serving.interface import Servable
    from algo.serving.start import StartOptions


@dataclass(slots=True)
class Served:
    """What is served, and by which instance.

    Attributes:
        instance: The one that serves.
        servable: What it serves.
        wanted: What the working tree asked for last.
        ready: Whether it takes calls: only its first load is waited for.
        others: Instances that are starting, or that answer what they have before they end.
    """

    instance: Instance
    servable: Servable
    wanted: Servable
    ready: bool = True
    others: list[Instance] = field(default_factory=list)

    def clear_away(self) -> None:
        """Remove what has ended of the others."""
        for other in [one for one in self.others if one.ended() is not None]:
            with postponed():
                self.others.remove(other)
                other.stop()

    def stop(self, grace: float = 3.0) -> None:
        """End all of them: calls in flight get `grace` seconds."""
        for one in (self.instance, *self.others):
            one.stop(grace)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Exchanges the instance that serves for a new one."""

    engine: Engine
    options: StartOptions
    notify: Notify

    def to(self, served: Served, wanted: Servable, catch_up: Callable[[Control], None]) -> bool:
        """Let an instance of `wanted` take over; False where the engine cannot do that.

        No request is lost: the new one is let in when it is ready, and the old one answers what it
        has. Whatever fails before that leaves the old one as it was.

        Args:
            served: What is served; it is changed when this is done.
            wanted: What is to be served.
            catch_up: Brings what changed since the new one was started, before it is let in.

        Raises:
            LoadFailed: The algorithm's code failed in the new instance.
            ControlLost: One of them does not answer.
            AlgoError: As the engine's `start`.
        """
        printed = Printed()
        old = served.instance
        with deferred():
            launch = launch_of(wanted, self.options)
            new = self.engine.beside(old, launch, logging(printed, self.notify))
            if new is not None:
                served.others.append(new)
        if new is None:
            return False
        try:
            wait_ready(new, printed)
            assert new.control is not None and old.control is not None
            catch_up(Control(new.control))
            with deferred():
                Control(new.control).do("accept")
                Control(old.control).do("leave")
                new.succeed(old)
                served.others.remove(new)
                served.others.append(old)
                served.instance, served.servable, served.wanted = new, wanted, wanted
        except BaseException:
            if new in served.others:
                with postponed():
                    served.others.remove(new)
                    new.stop(grace=0.5)
            raise
        return True
