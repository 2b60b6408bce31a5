"""What user code prints becomes `log` frames, line by line, with the call that printed it."""

from __future__ import annotations

import contextvars
import io
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_runner.frames import Frames

current_call: contextvars.ContextVar[int | None] = contextvars.ContextVar("call", default=None)
# The most that one frame carries: several whole lines, or a piece of a very long one.
LONGEST = 1 << 16


class Lines(io.RawIOBase):
    """The bytes below `sys.stdout` or `sys.stderr`; whole lines go to the gateway."""

    def __init__(self, frames: Frames, stream: str, number: int) -> None:
        self._frames = frames
        self._stream = stream
        self._number = number
        self._rest = b""
        self._forked = False

    @property
    def away(self) -> bool:
        """Whether this process is a child of the worker."""
        return self._forked

    def close_pipes(self) -> None:
        """Close the worker's pipes in a child, which must not even find their numbers again."""
        frames = self._frames
        os.close(frames.source)
        os.close(frames.sink)
        frames.source = frames.sink = -1

    def writable(self) -> bool:
        """It can be written."""
        return True

    def fileno(self) -> int:
        """Return the real stream's number, for what writes to it by itself."""
        return self._number

    def write(self, data: Any) -> int:
        """Take `data`, send the lines that are whole."""
        text = bytes(data)
        if self._forked:
            os.write(self._number, text)
            return len(text)
        whole, newline, rest = (self._rest + text).rpartition(b"\n")
        if newline:
            self._send(whole)
        at = 0
        while len(rest) - at > LONGEST:
            self._send(rest[at : at + LONGEST])
            at += LONGEST
        self._rest = rest[at:]
        return len(text)

    def end(self) -> None:
        """Send what has no newline yet: the call that printed it is over."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._send(rest)

    def leave(self) -> None:
        """Write to the real stream from now on: this process is a child of the worker."""
        self._forked = True
        self._rest = b""

    def enter(self, frames: Frames) -> None:
        """Write to `frames` from now on: this process is a worker that a template forked."""
        self._forked = False
        self._frames = frames

    def _send(self, text: bytes) -> None:
        header = {"type": "log", "stream": self._stream, "call": current_call.get()}
        at = 0
        while len(text) - at > LONGEST:
            end = text.rfind(b"\n", at, at + LONGEST)
            end = at + LONGEST if end < 0 else end
            self._frames.write(header, text[at:end])
            at = end + (text[end : end + 1] == b"\n")
        self._frames.write(header, text[at:])


def capture(frames: Frames) -> tuple[Lines, Lines]:
    """Replace `sys.stdout` and `sys.stderr`; what C code prints goes to the gateway's own.

    A process that user code forks gets the real streams back and no pipe of ours: frames of
    two processes would mix, and the gateway would wait for the child's end, too.
    """
    both = Lines(frames, "stdout", 1), Lines(frames, "stderr", 2)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            lines,  # type: ignore[arg-type]
            encoding="utf-8",
            errors="backslashreplace",
            newline="\n",
            write_through=True,
        )
        for lines in both
    )

    def leave() -> None:
        if both[0].away:
            return  # a child of a child
        for lines in both:
            lines.leave()
        both[0].close_pipes()

    os.register_at_fork(after_in_child=leave)
    return both
