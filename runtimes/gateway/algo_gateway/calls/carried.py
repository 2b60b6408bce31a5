"""What the calls of a request carry for it: its trace, and the way back to it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from algo_gateway.calls.call import Call


class Carrier(Protocol):
    """A request that wants to know of its calls."""

    def carry(self, call: Call) -> bytes:
        """Learn of `call`; return what the header of its frame says of its trace.

        That is empty, or `,"traceparent":"…"` and what else belongs to it.
        """


# Set while a request is answered; a request that nobody watches has none.
carried: ContextVar[Carrier | None] = ContextVar("carried", default=None)
