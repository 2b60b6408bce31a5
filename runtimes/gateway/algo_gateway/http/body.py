"""A large request body on its way into the memory where it stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo_gateway.http.connection import Connection
    from algo_gateway.http.exchange import Exchange


# Memory is taken as the body comes, not as its length says.
STEP = 1 << 22


class Body(asyncio.BufferedProtocol):
    """Takes a large body of `length` bytes into one piece of memory, which grows.

    It is given what came of it with the head. realloc moves pages, so growing copies nothing.
    """

    def __init__(
        self, connection: Connection, exchange: Exchange, length: int, first: Iterable[bytes]
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._length = length
        self._body = bytearray().join(first)
        self._at = len(self._body)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        body = self._body
        if self._at == len(body):
            body += bytes(min(self._length - self._at, STEP))
        return memoryview(body)[self._at :]

    def buffer_updated(self, count: int) -> None:
        """Take `count` bytes that came."""
        self._at += count
        self._connection.moved()
        if self._at == self._length:
            # The transport keeps its last protocol of this kind: it must not keep the body.
            body, self._body = self._body, bytearray()
            self._connection.received(self._exchange, body)

    @property
    def taken(self) -> int:
        """How many bytes came."""
        return self._at

    def eof_received(self) -> None:
        """The client has gone."""

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._body = bytearray()
        self._connection.connection_lost(error)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._connection.resume_writing()
