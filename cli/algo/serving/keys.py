"""Single keys on a terminal: read without Enter, while Ctrl-C goes on to be Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
from typing import TYPE_CHECKING, Any, Self

from algo.signals import unstoppable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_LOOK_EVERY = 0.2


class Keys:
    """The keys of the terminal at descriptor `terminal`, for the length of a `with` block.

    In the background, and after Ctrl-Z, the terminal is another's: then it is left alone.
    """

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._before: Any = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._continued: Any = None

    def listen(self, pressed: Callable[[str], None]) -> None:
        """Call `pressed`, from another thread, with each key from now on."""
        self._take()
        self._thread = threading.Thread(target=self._read, args=(pressed,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self._continued = signal.signal(signal.SIGCONT, self._again)
        return self

    def __exit__(self, *failed: object) -> None:
        with unstoppable():
            self._ended.set()
            if self._thread is not None:
                self._thread.join(1)
            if self._before is not None and self._ours():
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
            signal.signal(signal.SIGCONT, self._continued)

    def _again(self, number: int, frame: FrameType | None) -> None:
        if self._before is not None:
            self._take()

    def _take(self) -> None:
        """Let the terminal give keys as they come, and not show them."""
        if not self._ours():
            return
        with contextlib.suppress(termios.error):
            modes = termios.tcgetattr(self._terminal)
            if self._before is None:
                self._before = [*modes[:6], list(modes[6])]
            modes[3] &= ~(termios.ICANON | termios.ECHO)
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, modes)

    def _ours(self) -> bool:
        """Tell whether we are in the foreground: who is not is stopped when he touches it."""
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return False

    def _read(self, pressed: Callable[[str], None]) -> None:
        while not self._ended.is_set():
            try:
                ready, _, _ = select.select([self._terminal], [], [], _LOOK_EVERY)
                if not ready:
                    continue
                if not self._ours():
                    self._ended.wait(_LOOK_EVERY)
                    continue
                data = os.read(self._terminal, 64)
            except OSError:
                return
            if not data:
                return  # the terminal is gone
            for key in data.decode(errors="ignore"):
                pressed(key)
