"""Long work on large documents, beside everything else that the gateway does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

# A document of so many bytes takes a few milliseconds, in which nobody else is answered.
LARGE = 1 << 17

Given = ParamSpec("Given")
Made = TypeVar("Made")


async def aside(
    size: int, work: Callable[Given, Made], *given: Given.args, **named: Given.kwargs
) -> Made:
    """Return what `work` makes of a document of `size` bytes: at once, or by a thread.

    The thread shares the interpreter, which it gives up every few milliseconds.
    """
    if size < LARGE:
        return work(*given, **named)
    return await asyncio.to_thread(work, *given, **named)
