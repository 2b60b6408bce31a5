"""Frames of the pipe protocol (runtimes/README.md): two lengths, a JSON header, a raw body."""

from __future__ import annotations

import json
import os
import struct
import threading
from typing import Any

LENGTHS = struct.Struct("<IQ")
MAX_HEADER = 1 << 20
READ = 1 << 18

Header = dict[str, Any]
_encode = json.JSONEncoder(separators=(",", ":")).encode


class ProtocolError(Exception):
    """The other side wrote something that is no frame."""


class Frames:
    """Both ends of a runner's pipes: `read` blocks, `write` may be called by any thread."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self._buffer = bytearray()
        self._lock = threading.Lock()

    def write(self, header: Header, body: bytes = b"") -> None:
        """Write one frame whole."""
        head = _encode(header).encode()
        lengths = LENGTHS.pack(len(head), len(body))
        with self._lock:
            if len(body) < READ:
                self._write(lengths + head + body)
            else:
                self._write(lengths + head)
                self._write(body)

    def read(self) -> tuple[Header, bytes] | None:
        """Return the next frame, None at the end of the file.

        Raises:
            ProtocolError: A header is too long or no JSON object, or the file ends in a frame.
        """
        while True:
            frame = self.take()
            if frame is not None:
                return frame
            if not self.fill():
                return None

    def fill(self) -> bool:
        """Read what is there; False at the end of the file."""
        piece = os.read(self.source, READ)
        if not piece:
            if self._buffer:
                raise ProtocolError("the file ends within a frame")
            return False
        self._buffer += piece
        return True

    def take(self) -> tuple[Header, bytes] | None:
        """Return the next frame that was read whole, None when there is none."""
        buffer = self._buffer
        if len(buffer) < LENGTHS.size:
            return None
        head, body = LENGTHS.unpack_from(buffer)
        if head > MAX_HEADER:
            raise ProtocolError(f"a header of {head} bytes is over the limit of {MAX_HEADER}")
        start = LENGTHS.size + head
        end = start + body
        if len(buffer) < end:
            return None
        try:
            header = json.loads(bytes(buffer[LENGTHS.size : start]))
        except ValueError as error:
            raise ProtocolError(f"a header is no JSON: {error}") from error
        if not isinstance(header, dict) or not isinstance(header.get("type"), str):
            raise ProtocolError("a header is no JSON object with a type")
        content = bytes(memoryview(buffer)[start:end])
        del buffer[:end]
        return header, content

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.sink, view) :]
