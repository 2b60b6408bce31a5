"""The HTTP server: it listens, and looks after its connections once a second."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from email.utils import formatdate
from itertools import islice
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.http import answers
from algo_gateway.http.connection import Connection
from algo_gateway.http.limits import LOOKED_AT, MOST_CONNECTIONS, SPARE_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from algo_gateway.http.exchange import Exchange
    from algo_gateway.http.limits import Refused
    from algo_gateway.http.scope import Scope

    # Answers at once and returns None, or returns what will answer.
    App = Callable[[Scope, Exchange], Coroutine[Any, Any, None] | None]

# Far above any queue: a full queue is our answer (429), not a connection that is refused.
BACKLOG = 2_048
# Bytes of large bodies that are held at a time, unless `max-body` is large itself.
MOST = 256 << 20


class Listener:
    """Serves `app` over HTTP/1.1.

    Args:
        app: Answers a request.
        say: Told what went wrong in `app`.
        most: Bytes of requests, and of answers that nobody reads, that are held at a time.
        second: How long a second is by which clients are cut: tests have shorter ones.
        clients: The most of them at once.
    """

    def __init__(
        self,
        app: App,
        say: Callable[[str], None],
        most: Callable[[], int] = lambda: MOST,
        second: float = 1.0,
        clients: int = MOST_CONNECTIONS,
    ) -> None:
        self.app = app
        self.held = 0
        self._most = most
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.address = ""
        self.date = b""
        self.heads: dict[str, bytes] = {}
        self._say = say
        self._second = second
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        bounded = files != resource.RLIM_INFINITY
        self._room = min(clients, max(1, files - SPARE_FILES)) if bounded else clients
        # Told of the status and the code of what was refused as no request.
        self.refused: Callable[[int, str], None] = lambda status, code: None
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> int:
        """Take connections; return the port, which is a free one for 0.

        Raises:
            OSError: Something else listens there, or the address is not ours.
        """
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(kind, socket.SOCK_STREAM)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
        except BaseException:
            taken.close()
            raise
        return await self.accept(taken)

    async def inherit(self, descriptor: int) -> int:
        """Take connections from a socket that we were started with; return its port.

        Raises:
            OSError: The descriptor is no socket.
        """
        return await self.accept(socket.socket(fileno=descriptor))

    async def accept(self, taken: socket.socket) -> int:
        """Take connections from a socket that is bound, or listens already; return its port.

        Raises:
            OSError: Something else listens there.
        """
        try:
            self._server = await self.loop.create_server(
                lambda: Connection(self), sock=taken, backlog=BACKLOG
            )
        except BaseException:
            taken.close()
            raise
        host, port = taken.getsockname()[:2]
        self.address = f"{host}:{port}"
        self._tick()
        return int(port)

    def give_way(self) -> None:
        """Take no connection more; those that are there go on."""
        if self._server is not None:
            self._server.close()

    def full(self) -> bool:
        """Tell whether no client more can be had; one that waits for nothing gives way."""
        if len(self.connections) < self._room:
            return False
        for other in islice(self.connections, LOOKED_AT):
            if other.idle:
                other.abort()
                return False
        return True

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Run what answers a request."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Take no connection more, and end those that wait for nothing."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.leave()

    async def close(self, grace: float) -> None:
        """End every connection, after at most `grace` seconds for the answers on their way."""
        self.stop()
        end = time.monotonic() + grace
        while self.connections and time.monotonic() < end:
            await asyncio.sleep(0.005)
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        if self._timer is not None:
            self._timer.cancel()

    def hold(self, size: int) -> None:
        """Count `size` more bytes of requests.

        Raises:
            Failure: 429, there are too many.
        """
        if self.held + size > self._most():
            message = f"the bodies of other requests take {self.held} bytes"
            raise Failure(429, "too_many_bytes", message, retry_after=1)
        self.held += size

    def failed(self, error: Exception) -> None:
        """Say what went wrong in the app."""
        self._say(f"a request failed: {type(error).__name__}: {error}")

    def refusal(self, refused: Refused) -> tuple[answers.Headers, bytes]:
        """Return headers and body of the answer to what is no request."""
        self.refused(refused.status, refused.code)
        return answers.JSON, answers.error(refused.code, str(refused))

    @property
    def fault(self) -> tuple[int, answers.Headers, bytes]:
        """What answers a request that failed."""
        return 500, answers.JSON, answers.error("internal", "the gateway failed; its log says how")

    def _tick(self) -> None:
        self._timer = self.loop.call_later(self._second, self._tick)
        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n\r\n"
        self.heads.clear()
        unread = {connection: connection.tick() for connection in list(self.connections)}
        excess = sum(unread.values()) - self._most()
        if excess > 0:
            self._cut(unread, excess)

    def _cut(self, unread: dict[Connection, int], excess: int) -> None:
        """End clients that do not read their answers, those that leave most unread first."""
        for connection in sorted(unread, key=lambda one: -unread[one]):
            if excess <= 0:
                return
            connection.abort()
            excess -= unread[connection]
