"""Code that takes too long is broken off."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nothing else is known to use it; a system without such signals (macOS) has the alarm.
SIGNAL = getattr(signal, "SIGRTMIN", signal.SIGALRM - 7) + 7
# Code may catch whatever is raised in it: then it is broken off again.
AGAIN = 0.1


class TooLong(BaseException):
    """A block took longer than it was given."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Break off a block of the main thread, be it in a loop or in a system call.

    Raises:
        TooLong: It took longer.
    """
    over = threading.Event()
    main = threading.get_ident()

    def interrupt(number: int, frame: object) -> None:
        if not over.is_set():
            raise TooLong

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            signal.pthread_kill(main, SIGNAL)
            wait = AGAIN

    before = signal.signal(SIGNAL, interrupt)
    watcher = threading.Thread(target=watch, name="watch", daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            over.set()
    finally:
        over.set()  # it may have been broken off just before the line above
        watcher.join()
        signal.signal(SIGNAL, before)
