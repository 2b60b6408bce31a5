"""Clients that call all the time, each of which knows its own answer."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


class Crowd:
    """Post `{"n": unique}` over kept connections until the block ends.

    `wrong` holds every answer that was not `{"n": the same}` with status 200, and every request
    that got none.

    Args:
        port: Where the service listens, on this machine.
        clients: How many call at once.
        pause: Seconds between a client's calls.
    """

    def __init__(self, port: int, clients: int = 4, pause: float = 0.002) -> None:
        self.wrong: list[str] = []
        self.latencies: list[float] = []
        self._port = port
        self._pause = pause
        self._numbers = itertools.count()
        self._answered = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def wait_for(self, count: int, timeout: float = 30) -> None:
        """Return when `count` more calls than now were answered."""
        with self._answered:
            enough = len(self.latencies) + count
            there = self._answered.wait_for(lambda: len(self.latencies) >= enough, timeout)
        assert there, f"not {count} answers within {timeout} s: {self.wrong[:3]}"

    def _run(self) -> None:
        connection = self._connect()
        while not self._stop.is_set():
            number = next(self._numbers)
            began = time.monotonic()
            try:
                kind = {"Content-Type": "application/json"}
                connection.request("POST", "/", json.dumps({"n": number}), kind)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._count(f"{number}: no answer: {error!r}", began)
                connection.close()
                connection = self._connect()
                continue
            right = answer.status == http.client.OK and json.loads(body) == {"n": number}
            self._count("" if right else f"{number}: {answer.status} {body[:300]!r}", began)
            self._stop.wait(self._pause)
        connection.close()

    def _count(self, wrong: str, began: float) -> None:
        with self._answered:
            if wrong:
                self.wrong.append(wrong)
            else:
                self.latencies.append(time.monotonic() - began)
            self._answered.notify_all()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def told(body: bytes) -> Any:
    """Return the code of an error document, or the whole answer."""
    document = json.loads(body)
    return document["error"]["code"] if "error" in document else document
