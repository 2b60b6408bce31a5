"""The control endpoint of development: JSON lines, a token in each; absent from production."""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.config import Description
from algo_gateway.workers.reload import Fault, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.handover import Handover
    from algo_gateway.workers.pool import Pool

LONGEST = 1 << 20


class Command(msgspec.Struct):
    """A line that came in."""

    do: str
    token: str = ""
    changed: list[str] = []
    python: str = ""
    packages: str = ""
    program: str = ""
    force: bool = False
    description: Description | None = None


class State(msgspec.Struct):
    """Where the instance stands."""

    ok: bool
    state: str
    error: Fault | None = None


class Refusal(msgspec.Struct):
    """Why a line was not carried out."""

    error: Fault
    ok: bool = False


class Control:
    """Serves the control endpoint of one gateway."""

    def __init__(self, pool: Pool, token: str, stop: Callable[[], None]) -> None:
        self._pool = pool
        self._token = token
        self._stop = stop
        self._server: asyncio.Server | None = None
        self.handover: Handover | None = None

    async def listen(self, address: str) -> None:
        """Listen on `unix:PATH`, `tcp:HOST:PORT`, or on `fd:N`, a socket that we were started with.

        Raises:
            OSError: The address cannot be had.
            ValueError: It has another form, or there is no token.
        """
        if not self._token:
            raise ValueError("the control endpoint wants a token in ALGO_CONTROL_TOKEN")
        kind, _, rest = address.partition(":")
        if kind == "unix":
            Path(rest).unlink(missing_ok=True)
            before = os.umask(0o177)  # nobody else's from its first moment
            try:
                self._server = await asyncio.start_unix_server(self._serve, rest, limit=LONGEST)
            finally:
                os.umask(before)
        elif kind == "tcp":
            host, _, port = rest.rpartition(":")
            self._server = await asyncio.start_server(self._serve, host, int(port), limit=LONGEST)
        elif kind == "fd":
            taken = socket.socket(fileno=int(rest))
            self._server = await asyncio.start_server(self._serve, sock=taken, limit=LONGEST)
        else:
            raise ValueError(f"{address!r} is not unix:PATH, tcp:HOST:PORT or fd:N")

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = await self._answer(line)
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
                if isinstance(answer, Refusal):
                    return  # a web page that tries its luck gets one guess for each connection
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # the other side left, its line is over the limit, or the gateway stops
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> msgspec.Struct:
        try:
            command = msgspec.json.decode(line, type=Command)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Refusal(Fault("bad_command", str(error)))
        if not hmac.compare_digest(command.token.encode(), self._token.encode()):
            return Refusal(Fault("bad_token", "the token is not this session's"))
        if command.do == "reload":
            pool = self._pool
            wanted = pool.recipe.changed(
                command.python, command.packages, command.description, command.program
            )
            return await pool.reload(command.changed, wanted, force=command.force)
        if command.do == "status":
            return self._state()
        if command.do in {"accept", "leave"} and self.handover is not None:
            if command.do == "accept":
                await self.handover.accept()
            else:
                self.handover.leave()
            return self._state()
        if command.do == "shutdown":
            self._stop()
            return State(ok=True, state="stopping")
        return Refusal(Fault("bad_command", f"there is no command {command.do!r}"))

    def _state(self) -> State:
        pool = self._pool
        if pool.ready:
            return State(ok=True, state="ready")
        if pool.failed is not None:
            return State(ok=True, state="failed", error=fault_of(pool.failed))
        return State(ok=True, state="starting")
