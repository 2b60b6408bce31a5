"""The lines that a gateway prints: its own few documents, and what the algorithm said."""

from __future__ import annotations

from collections import deque

import msgspec

from algo.serving.control import Fault


class _Line(msgspec.Struct):
    log: str | None = None
    load_error: Fault | None = None
    ready: dict[str, int] | None = None


class Printed:
    """What an instance printed so far, as far as its start needs it.

    `ready` says that the algorithm loaded, `fault` why it did not.
    """

    def __init__(self, keep: int = 30) -> None:
        self.ready = False
        self.fault: Fault | None = None
        self._tail: deque[str] = deque(maxlen=keep)

    def add(self, line: str) -> str | None:
        """Take a line and return what there is to show of it, None when it was for us alone."""
        document = _document(line)
        if document is not None:
            self.fault = document.load_error or self.fault
            self.ready = self.ready or document.ready is not None
            if document.log is None:
                return None
            line = document.log
        self._tail.append(line)
        return line

    def tail(self) -> str:
        """Return the last lines, oldest first."""
        return "\n".join(self._tail)


def _document(line: str) -> _Line | None:
    if not line.startswith(('{"log":', '{"load_error":', '{"ready":')):
        return None
    try:
        return msgspec.json.decode(line, type=_Line)
    except msgspec.DecodeError:
        return None
