"""What Ctrl-C, SIGTERM and SIGHUP do, and when: they all end a command, which cleans up."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

# Groups of processes that are ours: SIGTERM reaches us alone, and Ctrl-C does not reach them.
GROUPS: set[int] = set()


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that it can clean up.

    SIGINT counts even where a script started us in the background, which ignores it.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        end_groups()  # those of other threads, too
        raise KeyboardInterrupt

    with _handling(interrupt, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield


def end_groups() -> None:
    """Ask all processes of our groups to end."""
    for group in tuple(GROUPS):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)


@contextlib.contextmanager
def unstoppable() -> Iterator[list[int]]:
    """Let none of them end a clean-up, which is short by itself; give those that came."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    with _handling(note, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield came


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let the first of them wait for the end of a clean-up, be there an error or not.

    Then it does what it would do outside: it ends the command, or waits for an outer block.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    try:
        with _handling(note, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let the first of them wait for the end of the block, which is short and must not be halved.

    Raises:
        KeyboardInterrupt: One came; at once when it is the second.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    with _handling(note, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield
    if came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None], *signals: signal.Signals
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
