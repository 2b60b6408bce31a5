"""What user code printed, on the gateway's standard error: as it is, or as JSON lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from algo_gateway.frames import Reply


class LogLine(msgspec.Struct, omit_defaults=True):
    """One line of a log."""

    log: str
    stream: str = ""
    request: int | None = None


class Logs:
    """Writes lines; in development without any dress."""

    def __init__(self, *, development: bool) -> None:
        self._plain = development

    def printed(self, reply: Reply, body: bytes) -> None:
        """Write a line that user code printed during the call `reply.call`."""
        text = body.decode(errors="replace")
        if self._plain:
            self._write(body + b"\n")
        else:
            self._write(msgspec.json.encode(LogLine(text, reply.stream, reply.call)) + b"\n")

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._write(
            f"{text}\n".encode() if self._plain else msgspec.json.encode(LogLine(text)) + b"\n"
        )

    def _write(self, data: bytes) -> None:
        try:
            os.write(2, data)
        except OSError:
            return  # nobody reads; serving goes on
