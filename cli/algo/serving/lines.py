"""The lines that a gateway prints: its own few documents, and what the algorithm said."""

from __future__ import annotations

from collections import deque

import msgspec

from algo.serving.control import Fault


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """A document of the gateway; one that has another field is the algorithm's own."""

    load_error: Fault | None = None
    ready: dict[str, int] | None = None
    time: str = ""
    level: str = ""
    message: str | None = None
    request: str = ""
    trace: str = ""
    stream: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    code: str = ""
    milliseconds: float = 0.0
    stacktrace: str = ""

    @property
    def text(self) -> str | None:
        """What there is to show of it."""
        if self.message is None:
            return None
        also = f" {self.milliseconds:g} ms" if self.method else ""
        return f"{self.message}{also}\n{self.stacktrace}".rstrip("\n")


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
            if document.text is None:
                return None
            line = document.text
        self._tail.append(line)
        return line

    def tail(self) -> str:
        """Return the last lines, oldest first."""
        return "\n".join(self._tail)


def _document(line: str) -> _Line | None:
    if not line.startswith(('{"time":"', '{"load_error":', '{"ready":')):
        return None
    try:
        return msgspec.json.decode(line, type=_Line)
    except msgspec.DecodeError:
        return None
