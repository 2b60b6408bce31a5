"""What user code printed and where it failed, on standard error: as it is, or as JSON lines."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from algo_gateway.calls.call import Failure
    from algo_gateway.wire.frames import Reply

# Bytes that wait for a slow reader; what comes above them is counted instead of kept.
MOST = 16 << 20


class LogLine(msgspec.Struct, omit_defaults=True):
    """One line of a log."""

    log: str
    stream: str = ""
    request: int | None = None


class Logs:
    """Writes lines, in development without any dress, from a thread of its own.

    Whoever reads our standard error may be slow; serving does not wait for him.
    """

    def __init__(self, *, development: bool) -> None:
        self._plain = development
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._ending = False
        self._wake = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._write, name="logs", daemon=True)
        self._thread.start()

    def printed(self, reply: Reply, body: bytes) -> None:
        """Write the lines that user code printed during the call `reply.call`."""
        if self._plain:
            self._put(body + b"\n")
            return
        lines = body.decode(errors="backslashreplace").split("\n")
        encoded = [msgspec.json.encode(LogLine(one, reply.stream, reply.call)) for one in lines]
        self._put(b"\n".join(encoded) + b"\n")

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._put((text.encode() if self._plain else msgspec.json.encode(LogLine(text))) + b"\n")

    def failed(self, problem: Failure, request: int) -> None:
        """Write why the call `request` had no result, with the stack trace where there is one."""
        text = f"{problem.status} {problem.code}: {problem.message}\n{problem.stacktrace}".rstrip()
        line = text if self._plain else msgspec.json.encode(LogLine(text, request=request)).decode()
        self._put(line.encode(errors="replace") + b"\n")

    def close(self, seconds: float = 0.5) -> None:
        """Write what waits, for at most `seconds`."""
        self._ending = True
        self._wake.release()
        self._thread.join(seconds)

    def _put(self, data: bytes) -> None:
        if self._bytes > MOST:
            self._dropped += data.count(b"\n")
            return
        self._bytes += len(data)
        self._waiting.append(data)
        self._wake.release()

    def _write(self) -> None:
        while True:
            self._wake.acquire()
            if not self._waiting:
                if self._ending:
                    return
                continue
            data = self._waiting.popleft()
            self._bytes -= len(data)
            if self._dropped and self._bytes < MOST // 2:
                dropped, self._dropped = self._dropped, 0
                self.say(f"{dropped} lines were printed faster than they were read, and dropped")
            try:
                while data:
                    data = data[os.write(2, data) :]
            except OSError:
                continue  # nobody reads; serving goes on
