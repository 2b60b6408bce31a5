"""What user code printed and where it failed, on standard error: as it is, or as JSON lines."""

from __future__ import annotations

import os
import threading
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from algo_gateway.calls.call import Failure
    from algo_gateway.observe.ids import Ids
    from algo_gateway.wire.frames import Reply

# Bytes that wait for a slow reader; what comes above them is counted instead of kept.
MOST = 16 << 20


class LogLine(msgspec.Struct, omit_defaults=True):
    """One line of a log: what is not known, or does not belong to it, is left out."""

    time: str
    level: str
    message: str
    request: str = ""
    trace: str = ""
    stream: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    code: str = ""
    milliseconds: float = 0.0
    stacktrace: str = ""


class Logs:
    """Writes lines, in development without any dress, from a thread of its own.

    Whoever reads our standard error may be slow; serving does not wait for him.

    Args:
        ids: What requests are called.
        development: Whether lines are for people; else they are JSON.
        access: Whether each answer gets a line.
    """

    def __init__(self, ids: Ids, *, development: bool, access: bool = False) -> None:
        self.access = access
        self.lost = 0
        self._heard: dict[int, list[bytes]] = {}
        self._ids = ids
        self._plain = development
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._ending = False
        self._wake = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._write, name="logs", daemon=True)
        self._thread.start()

    def listen(self, number: int) -> list[bytes]:
        """Return a list to which the lines that the call `number` prints are added."""
        return self._heard.setdefault(number, [])

    def forget(self, number: int) -> None:
        """Listen to a call no more."""
        self._heard.pop(number, None)

    def printed(self, reply: Reply, body: bytes) -> None:
        """Write the lines that user code printed during the call `reply.call`."""
        if reply.call in self._heard:
            self._heard[reply.call].append(body)
        if self._plain:
            self._put(body + b"\n")
            return
        lines = body.decode(errors="backslashreplace").split("\n")
        name = "" if reply.call is None else self._ids.of_call(reply.call)
        trace = "" if reply.call is None else self._ids.traces.get(reply.call, "")
        now = _now()
        encoded = [
            msgspec.json.encode(LogLine(now, "info", one, name, trace, reply.stream))
            for one in lines
        ]
        self._put(b"\n".join(encoded) + b"\n")

    def say(self, text: str, level: str = "info") -> None:
        """Write a line of our own."""
        self._line(LogLine(_now(), level, text), text)

    def failed(self, problem: Failure, number: int) -> None:
        """Write why the call `number` had no result, with the stack trace where there is one."""
        text = f"{problem.status} {problem.code}: {problem.message}"
        line = LogLine(
            _now(),
            "error",
            text,
            request=self._ids.of_call(number),
            trace=self._ids.traces.get(number, ""),
            status=problem.status,
            code=problem.code,
            stacktrace=problem.stacktrace.rstrip(),
        )
        self._line(line, f"{text}\n{problem.stacktrace}".rstrip())

    def answered(
        self, name: str, trace: str, method: str, path: str, status: int, code: str, seconds: float
    ) -> None:
        """Write that a request was answered (the access log): no query, no headers, no body."""
        milliseconds = round(seconds * 1000, 3)
        text = f"{method} {path} {status}"
        line = LogLine(
            _now(),
            "info",
            text,
            request=name,
            trace=trace,
            method=method,
            path=path,
            status=status,
            code=code,
            milliseconds=milliseconds,
        )
        also = f" {code}" if code else ""
        # The path is the caller's: he must not be able to end our line and begin another.
        self._line(line, f"{text}{also} {milliseconds:g} ms".replace("\n", "\\n"))

    def close(self, seconds: float = 0.5) -> None:
        """Write what waits, for at most `seconds`."""
        self._ending = True
        self._wake.release()
        self._thread.join(seconds)

    def _line(self, line: LogLine, plain: str) -> None:
        text = _flat(plain) if self._plain else msgspec.json.encode(line).decode()
        self._put(text.encode(errors="replace") + b"\n")

    def _put(self, data: bytes) -> None:
        if self._bytes > MOST:
            self._dropped += data.count(b"\n")
            self.lost += data.count(b"\n")
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _flat(text: str) -> str:
    """Return `text` without what moves a terminal's cursor; the lines of a stack trace stay."""
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)
