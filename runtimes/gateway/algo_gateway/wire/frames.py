"""Frames of the pipe protocol (runtimes/README.md), and a channel over two pipes."""

from __future__ import annotations

import os
import select
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

LENGTHS = struct.Struct("<IQ")
MAX_HEADER = 1 << 20
MAX_BODY = 1 << 34
# Larger reads make malloc map and unmap memory each time (M_MMAP_THRESHOLD is 128 KiB).
READ = 1 << 16
# By how much the memory of a large body grows.
STEP = 1 << 22


class Reply(msgspec.Struct):
    """A header that a runner wrote; a field that its type has not is at its default."""

    type: str
    id: int = 0
    content_type: str = ""
    fault: str = ""
    code: int | str = ""
    message: str = ""
    error: str = ""
    file: str = ""
    line: int = 0
    stacktrace: str = ""
    hint: str = ""
    problems: list[dict[str, str]] = []
    rung: str = ""
    sources: str = ""
    milliseconds: float = 0.0
    # `schema` is a name that the base class has taken.
    described: dict[str, Any] = msgspec.field(default_factory=dict, name="schema")
    preload: list[str] = []
    share: bool = False
    alone: str = ""
    ahead: bool = False
    gpu_used: int = 0
    gpu_free: int = -1
    pid: int = 0
    stream: str = ""
    call: int | None = None
    protocol: int = 0
    language: str = ""
    capabilities: list[str] = []
    unread: dict[str, int] = {}
    cancels: bool = False
    batch: bool = False
    flow: bool = False


_decode = msgspec.json.Decoder(Reply).decode


class Garbage(Exception):
    """A runner wrote something that is no frame."""


class Channel:
    """Frames over two non-blocking pipes, on the event loop. Closed once, from either side."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: int,
        sink: int,
        on_frame: Callable[[Reply, bytes], None],
        on_close: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._source = source
        self._sink = sink
        self._on_frame = on_frame
        self._on_close = on_close
        self._rest = bytearray()
        self._waiting: deque[memoryview] = deque()
        self._soon: list[bytes] = []
        self._need = LENGTHS.size
        # A reply whose large body is coming in: itself, and how much is there.
        self._reply: Reply | None = None
        self._body = bytearray()
        self._have = self._length = 0
        self._paused = False
        self.closed = False
        # Told when a large body begins to come.
        self.begins: Callable[[Reply], None] = lambda reply: None
        os.set_blocking(source, False)
        os.set_blocking(sink, False)
        loop.add_reader(source, self._readable)

    def send(self, header: bytes, body: bytes = b"") -> None:
        """Write a frame, now or as soon as the runner reads."""
        if self.closed:
            return
        if self._soon:
            self._flush()
        head = LENGTHS.pack(len(header), len(body)) + header
        if len(body) < READ:
            self._put(head + body)
        else:
            self._put(head)
            self._put(body)

    def send_soon(self, header: bytes, body: bytes) -> None:
        """Write a frame together with others of this turn of the loop: the runner is busy."""
        if len(body) >= READ or self.closed:
            self.send(header, body)
            return
        if not self._soon:
            self._loop.call_soon(self._flush)
        self._soon.append(LENGTHS.pack(len(header), len(body)) + header + body)

    @property
    def quiet(self) -> bool:
        """Whether all that was sent is in the pipe, and no reply is on its way."""
        heard = self._rest or self._reply or select.select([self._source], [], [], 0)[0]
        return not (self.closed or self._waiting or self._soon or heard)

    def replace_sink(self, sink: int) -> None:
        """Write to `sink` from now on; nothing may be waiting."""
        os.close(self._sink)
        self._sink = sink
        os.set_blocking(sink, False)

    def pause(self) -> None:
        """Stop reading: the runner blocks when its pipe is full."""
        if not self._paused and not self.closed:
            self._paused = True
            self._loop.remove_reader(self._source)

    def resume(self) -> None:
        """Read again."""
        if self._paused and not self.closed:
            self._paused = False
            self._loop.add_reader(self._source, self._readable)

    def finish(self) -> None:
        """Read what is there although nobody may have wanted it yet, then close."""
        self.resume()
        while not self.closed and self._readable():
            pass
        self.close()

    def close(self, reason: str = "") -> None:
        """Close both pipes and tell the owner, once."""
        if self.closed:
            return
        self.closed = True
        if not self._paused:
            self._loop.remove_reader(self._source)
        if self._waiting:
            self._loop.remove_writer(self._sink)
        self._waiting.clear()
        os.close(self._source)
        os.close(self._sink)
        self._on_close(reason)

    def _flush(self) -> None:
        soon = self._soon
        if soon and not self.closed:
            data = soon[0] if len(soon) == 1 else b"".join(soon)
            soon.clear()
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self._waiting:
            self._waiting.append(memoryview(data))
            return
        written = self._write(data)
        if written < len(data):
            self._waiting.append(memoryview(data)[written:])
            if not self.closed:
                self._loop.add_writer(self._sink, self._writable)

    def _write(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._sink, data)
        except BlockingIOError:
            return 0
        except OSError:
            # The reader is gone; what it wrote before is still to be read, so only the
            # end of the other pipe closes the channel.
            return len(data)

    def _writable(self) -> None:
        while self._waiting:
            view = self._waiting[0]
            written = self._write(view)
            if written < len(view):
                self._waiting[0] = view[written:]
                return
            self._waiting.popleft()
        self._loop.remove_writer(self._sink)

    def _readable(self) -> bool:
        """Take what is there; False when nothing is."""
        try:
            if self._reply is not None:
                return self._fill(self._reply)
            data = os.read(self._source, READ)
        except BlockingIOError:
            return False
        except (OSError, MemoryError) as error:
            self.close(str(error))
            return False
        if not data:
            self.close("it ended within a frame" if self._rest else "")
            return False
        try:
            self._feed(data)
        except (Garbage, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.close(f"it wrote garbage: {error}")
        return True

    def _fill(self, reply: Reply) -> bool:
        """Read more of a large body, into the place where it stays.

        Raises:
            OSError: It cannot be read, or not now.
        """
        if self._have == len(self._body):
            # Memory is taken as the body comes, not as its length says; realloc moves pages.
            self._body += bytes(min(self._length - self._have, STEP))
        with memoryview(self._body) as view, view[self._have :] as free:
            count = os.readv(self._source, [free])
        if not count:
            self.close("it ended within a frame")
            return False
        self._have += count
        if self._have == self._length:
            body, self._body, self._reply = self._body, bytearray(), None
            self._on_frame(reply, cast("bytes", body))
        return True

    def _begin(self, data: bytes, head: int, begin: int, length: int) -> None:
        """Begin to take a large body whose first bytes are at `begin`."""
        reply = self._reply = _decode(data[head:begin])
        self._body = bytearray(memoryview(data)[begin:])
        self._have, self._length = len(self._body), length
        self._need = LENGTHS.size
        self.begins(reply)

    def _feed(self, data: bytes) -> None:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data = bytes(self._rest)
            self._rest.clear()
        start = 0
        size = len(data)
        while size - start >= LENGTHS.size:
            head, body = LENGTHS.unpack_from(data, start)
            if head > MAX_HEADER or body > MAX_BODY:
                raise Garbage(f"a frame of {head} and {body} bytes")
            begin = start + LENGTHS.size + head
            end = begin + body
            if end > size:
                if body >= READ and begin <= size:
                    self._begin(data, start + LENGTHS.size, begin, body)
                    return
                self._need = (end if body < READ else begin) - start
                break
            reply = _decode(data[start + LENGTHS.size : begin])
            start = end
            self._on_frame(reply, data[begin:end])
            if self.closed:
                return
        else:
            self._need = LENGTHS.size
        if start < size:
            self._rest += data[start:] if start else data
