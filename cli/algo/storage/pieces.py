"""Bytes that come in pieces, read as from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pieces:
    """Pieces as a file that can be read forward.

    Args:
        pieces: The bytes, from the start; none of the pieces is empty.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes and leave them there."""
        while len(self._piece) - self._at < size and (more := next(self._pieces, b"")):
            self._piece, self._at = self._piece[self._at :] + more, 0
        return self._piece[self._at : self._at + size]

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if self._at == len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
        end = len(self._piece) if size < 0 else min(len(self._piece), self._at + size)
        found = self._piece[self._at : end]
        self._at = end
        return found

    def drain(self) -> None:
        """Read on to the end."""
        self._piece, self._at = b"", 0
        for _ in self._pieces:
            pass
