"""Who sends a large body now: a few at a time, while others wait for the registry's answer.

A registry syncs what it got before it says so. Meanwhile the way to it is free, and whoever has
sent the last byte leaves it to the next.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Semaphore
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.registry.wire import Piece

# Measured with distribution 2.8: two at a time take 60 % of the time of one, four no less.
AT_ONCE = 2
LARGE = 16 << 20
# The seconds after which one that waits looks whether it still should.
LOOK = 0.5


class Turn:
    """The right to send one body; given back with the body's last byte, or when it is left."""

    def __init__(self, turns: Semaphore | None) -> None:
        self._turns = turns

    def over(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield `pieces`, and give the turn back after them."""
        yield from pieces
        self.end()

    def end(self) -> None:
        """Give it back, once."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.release()


class Turns:
    """The turns of all uploads to one registry; safe for threads."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = Semaphore(at_once)

    @contextmanager
    def turn(self, size: int, look: Callable[[], None]) -> Iterator[Turn]:
        """Wait for the turn to send `size` bytes; a small body needs none.

        Args:
            size: What is to be sent.
            look: Called while waiting; what it raises ends the wait.
        """
        if size < LARGE:
            yield Turn(None)
            return
        while not self._turns.acquire(timeout=LOOK):
            look()
        turn = Turn(self._turns)
        try:
            yield turn
        finally:
            turn.end()
