"""A container of ours that runs: how it is followed, how it ends, who comes after it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from msgspec import field

from algo.engines.docker_containers import Refused
from algo.engines.docker_options import JOBS, JOBS_FILE
from algo.engines.errors import EngineLost, EngineUnavailable, PortTaken, StartFailed
from algo.engines.gpu import explain
from algo.engines.interface import ControlAddress, Ended
from algo.engines.ports import next_free
from algo.engines.virtualenv import explain_exit
from algo.values import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.engines.docker_containers import Containers, Lifeline
    from algo.engines.door import Door
    from algo.engines.interface import Instance, Launch, Shared
    from algo.engines.sessions import Sessions


class ContainerInstance(Record):
    """A running container."""

    url: str
    grpc: str
    session: str
    control: ControlAddress | None
    container: str
    shared: Shared | None
    door: Door | None
    number: int
    _containers: Containers
    _sessions: Sessions
    _silent: threading.Event = field(default_factory=threading.Event)
    _leads: bool = True
    # Held open: the container ends when it closes, and it closes when we end, however.
    _lifeline: Lifeline | None = None
    _stopped: bool = False

    def follow(self, log: Callable[[str], None]) -> None:
        """Pass on the container's lines, from its first, in a thread until they end."""

        def read() -> None:
            # The engine's end of the stream breaks when the engine is killed.
            with contextlib.suppress(Exception):
                for line in self._containers.lines(self.container):
                    log(line)
            self._silent.set()

        threading.Thread(target=read, daemon=True).start()

    def ended(self) -> Ended | None:
        """Return how the container ended, None while it runs.

        Raises:
            EngineLost: The engine does not answer any more.
        """
        if not self._silent.is_set():
            return None
        try:
            with spoken():
                found = self._containers.inspect(self.container)
        except EngineUnavailable as error:
            raise EngineLost(f"{error.message}: it went away while it ran the algorithm") from error
        if found is None:
            return Ended(1, "its container was removed")
        if found.state.running:
            return None
        code = found.state.exit_code
        if found.state.oom_killed:
            return Ended(code, "it ran out of memory")
        return Ended(code, explain_exit(128 - code if code > 128 else code))

    def succeed(self, old: Instance) -> None:
        """Be the session's container in place of `old`."""
        assert isinstance(old, ContainerInstance)
        old._leads, self._leads = False, True
        self._sessions.update(self.session, container=self.container)

    def stop(self, grace: float = 3.0) -> None:
        """End the container and remove it: calls in flight get `grace` seconds."""
        if self._stopped:
            return
        try:
            self._containers.stop(self.container, max(1, round(grace)))
            self._containers.discard(self.container, JOBS, JOBS_FILE)
        except (EngineUnavailable, Refused):
            # The record stays, so that `algo doctor --fix` finds the container.
            return
        finally:
            if self._lifeline is not None:
                self._lifeline.close()
        self._stopped = True
        if self._leads:
            if self.door is not None:
                self.door.close()
            self._sessions.remove(self.session)


@contextlib.contextmanager
def spoken(launch: Launch | None = None) -> Iterator[None]:
    """Turn an engine's refusal into one of our errors."""
    try:
        yield
    except Refused as refused:
        text = str(refused)
        busy = "already allocated" in text or "address already in use" in text
        if launch is not None and launch.port and busy:
            hint = f"pass --port {next_free(launch.host, launch.port)}, or --port 0"
            message = f"port {launch.port} of {launch.host} is taken"
            raise PortTaken(message, hint=hint) from refused
        explained = explain(text) if launch is not None and launch.gpu else None
        if explained is not None:
            raise explained from refused
        raise StartFailed(f"the container engine refused: {text}") from refused
