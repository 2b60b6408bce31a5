"""Frames of the pipe protocol (runtimes/README.md): two lengths, a JSON header, a raw body."""

from __future__ import annotations

import io
import json
import os
import select
import struct
import threading
from typing import Any

LENGTHS = struct.Struct("<IQ")
MAX_HEADER = 1 << 20
MAX_BODY = 1 << 34
# Larger reads make malloc map and unmap memory each time (M_MMAP_THRESHOLD is 128 KiB).
READ = 1 << 16
# What is looked at of the frames that wait.
MOST_AHEAD = 1 << 18

Header = dict[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_scan = json.JSONDecoder().scan_once


class ProtocolError(Exception):
    """The other side wrote something that is no frame."""


class _Rest(io.RawIOBase):
    """A pipe whose first bytes have been read already."""

    def __init__(self, source: int, first: bytes) -> None:
        self._source = source
        self._first = first

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer`, as `io.BufferedReader` asks, which makes no copy of it."""
        if self._first:
            count = min(len(self._first), len(buffer))
            buffer[:count], self._first = self._first[:count], self._first[count:]
            return count
        return os.readv(self._source, [buffer])


class Frames:
    """Both ends of a runner's pipes: `read` blocks, `write` may be called by any thread."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self._data = b""
        self._at = 0
        self._need = LENGTHS.size
        self._large: tuple[Header, bytes] | None = None
        self._lock = threading.Lock()

    def write(self, header: Header, body: bytes = b"") -> None:
        """Write one frame whole; half a surrogate pair, which UTF-8 has not, becomes `?`."""
        self.send(_encode(header).encode(errors="replace"), body)

    def send(self, head: bytes, body: bytes) -> None:
        """Write one frame whole whose header is encoded already."""
        lengths = LENGTHS.pack(len(head), len(body))
        with self._lock:
            if len(body) < READ:
                data = lengths + head + body
                if os.write(self.sink, data) == len(data):
                    return
                raise ProtocolError("the reply pipe does not block")
            self._write(lengths + head)
            self._write(body)

    def read(self) -> tuple[Header, bytes] | None:
        """Return the next frame, None at the end of the file.

        Raises:
            ProtocolError: A header is too long or no JSON object, or the file ends in a frame.
        """
        while (frame := self.take()) is None:
            if not self.fill():
                return None
        return frame

    def fill(self) -> bool:
        """Read more of a frame, all of a large one; False at the end of the file.

        Raises:
            ProtocolError: The file ends within a frame.
        """
        if self._need > READ:
            self._fill_large()
            return True
        piece = os.read(self.source, READ)
        rest = self._data[self._at :]
        if not piece and rest:
            raise ProtocolError("the file ends within a frame")
        self._data = rest + piece if rest else piece
        self._at = 0
        return bool(piece)

    def _fill_large(self) -> None:
        """Read a large frame; its body goes to the place where it stays."""
        data = self._data[self._at :]
        head, body = LENGTHS.unpack_from(data)
        start = LENGTHS.size + head
        while len(data) < start:
            piece = os.read(self.source, start - len(data))
            if not piece:
                raise ProtocolError("the file ends within a frame")
            data += piece
        header = _header(data[LENGTHS.size : start])
        self._data, self._at = b"", 0
        content = io.BufferedReader(_Rest(self.source, data[start:]), 1).read(body)
        if len(content) < body:
            raise ProtocolError("the file ends within a frame")
        self._large = header, content

    def take(self) -> tuple[Header, bytes] | None:
        """Return the next frame that was read whole, None when there is none."""
        if self._large is not None:
            frame, self._large, self._need = self._large, None, LENGTHS.size
            return frame
        data, at = self._data, self._at
        self._need = LENGTHS.size
        if len(data) - at < LENGTHS.size:
            return None
        head, body = LENGTHS.unpack_from(data, at)
        if head > MAX_HEADER or body > MAX_BODY:
            raise ProtocolError(f"a frame of {head} and {body} bytes is over the limit")
        start = at + LENGTHS.size + head
        end = start + body
        if len(data) < end:
            self._need = end - at
            return None
        header = _header(data[at + LENGTHS.size : start])
        self._at = end
        return header, data[start:end]

    def cancelled(self, number: int) -> bool:
        """Tell whether a `cancel` of the call `number` is among the frames that wait."""
        if not self._drain():
            return True
        return any(
            frame["type"] == "cancel" and frame.get("id") == number for frame in self._ahead()
        )

    def withdrawn(self) -> set[int]:
        """Return the calls that a `withdraw` among the frames that wait takes back."""
        self._drain()
        if self._data.find(b'"withdraw"', self._at) < 0:
            return set()
        found = (frame["ids"] for frame in self._ahead() if frame["type"] == "withdraw")
        return {number for ids in found for number in ids}

    def _drain(self) -> bool:
        """Read what is in the pipe, without waiting; False at the end of the file."""
        while (
            len(self._data) - self._at < MOST_AHEAD and select.select([self.source], [], [], 0)[0]
        ):
            piece = os.read(self.source, READ)
            if not piece:
                return False
            self._data = self._data[self._at :] + piece
            self._at = 0
        return True

    def _ahead(self) -> list[Header]:
        """Return the headers of the frames that wait, which stay where they are."""
        began = self._at
        headers = []
        try:
            while (frame := self.take()) is not None:
                headers.append(frame[0])
        finally:
            self._at = began
        return headers

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.sink, view) :]


def _header(data: bytes) -> Header:
    try:
        text = data.decode()
        header, end = _scan(text, 0)
    except (ValueError, StopIteration) as error:
        raise ProtocolError(f"a header is no JSON: {data[:80]!r}") from error
    if end != len(text) or not isinstance(header, dict):
        raise ProtocolError(f"a header is no JSON object: {data[:80]!r}")
    if not isinstance(header.get("type"), str):
        raise ProtocolError(f"a header has no type: {data[:80]!r}")
    return header
