"""One gateway takes over from another, on a listening socket that both have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from algo_gateway.http.forward import Forward

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from algo_gateway.http.app import App
    from algo_gateway.http.jobs import JobPages
    from algo_gateway.http.listener import Listener
    from algo_gateway.workers.pool import Pool

# How long a client may keep an old connection without using it.
_IDLE = 30.0
_LOOK_EVERY = 0.1


class Handover:
    """What the control endpoint's `accept` and `leave` do.

    Args:
        app: Answers requests.
        listener: Has the connections.
        pool: Answers calls.
        jobs: Is closed for the one that comes next, when nothing runs any more.
        taken: The socket that several gateways have.
        door: Where connections to the one that serves are to be had.
        stop: Ends this gateway.
    """

    def __init__(
        self,
        app: App,
        listener: Listener,
        pool: Pool,
        jobs: JobPages,
        taken: socket.socket,
        door: Path,
        stop: Callable[[], None],
    ) -> None:
        self._app = app
        self._listener = listener
        self._pool = pool
        self._jobs = jobs
        self._taken = taken
        self._door = door
        self._stop = stop
        self._accepts = False
        self._task: asyncio.Task[None] | None = None

    async def accept(self) -> None:
        """Take connections from now on."""
        if not self._accepts:
            self._accepts = True
            await self._listener.accept(self._taken)

    def leave(self) -> None:
        """Take no more connections, answer what came, send on what comes over old connections."""
        if self._task is None:
            self._listener.give_way()
            self._jobs.halt()
            self._app.give_way(Forward(self._door).handle)
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        """End when every connection is gone, or was idle for long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + max(_IDLE, self._pool.serving.timeout)
        while self._pool.running and loop.time() < end:
            await asyncio.sleep(_LOOK_EVERY)
        await self._jobs.close()
        while (self._listener.connections or self._pool.running) and loop.time() < end:
            await asyncio.sleep(_LOOK_EVERY)
        self._stop()
