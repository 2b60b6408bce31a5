"""What user code prints becomes `log` frames, line by line, with the call that printed it."""

from __future__ import annotations

import contextvars
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo_runner.frames import Frames

current_call: contextvars.ContextVar[int | None] = contextvars.ContextVar("call", default=None)
LONGEST = 1 << 16


class Lines(io.TextIOBase):
    """A text stream whose whole lines become frames; a longer line is cut into pieces."""

    def __init__(self, frames: Frames, stream: str) -> None:
        self._frames = frames
        self._stream = stream
        self._rest = ""

    def writable(self) -> bool:
        """It can be written."""
        return True

    def write(self, text: str) -> int:
        """Take `text`, send the lines that are whole."""
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            self._send(line)
        while len(self._rest) > LONGEST:
            self._send(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]
        return len(text)

    def flush(self) -> None:
        """Nothing to do: a part of a line waits for its end."""

    def end(self) -> None:
        """Send what has no newline yet: the call that printed it is over."""
        if self._rest:
            self._send(self._rest)
            self._rest = ""

    def _send(self, line: str) -> None:
        for start in range(0, max(len(line), 1), LONGEST):
            header = {"type": "log", "stream": self._stream, "call": current_call.get()}
            body = line[start : start + LONGEST].encode(errors="replace")
            self._frames.write(header, body)


def capture(frames: Frames) -> tuple[Lines, Lines]:
    """Replace `sys.stdout` and `sys.stderr`; what C code prints goes to the gateway's own."""
    out, err = Lines(frames, "stdout"), Lines(frames, "stderr")
    sys.stdout, sys.stderr = out, err
    return out, err
