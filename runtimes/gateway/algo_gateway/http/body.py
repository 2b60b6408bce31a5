"""A large request body on its way into the memory where it stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo_gateway.http.connection import Connection
    from algo_gateway.http.exchange import Exchange


class Body(asyncio.BufferedProtocol):
    """Takes a large body into one piece of memory, without a copy."""

    def __init__(
        self, connection: Connection, exchange: Exchange, body: bytearray, at: int
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._body = body
        self._view = memoryview(body)
        self._at = at

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._view[self._at :]

    def buffer_updated(self, count: int) -> None:
        """Take `count` bytes that came."""
        self._at += count
        self._connection.moved()
        if self._at == len(self._body):
            self._connection.received(self._exchange, self._body)

    def eof_received(self) -> None:
        """The client has gone."""

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._connection.connection_lost(error)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._connection.resume_writing()
