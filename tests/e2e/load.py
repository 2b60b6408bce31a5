"""A steady load from one thread, which remembers every answer that was not 200."""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType


class Load:
    """Post `body` to `url` at `per_second` requests a second until the block ends.

    The connection is kept open; one that the server closes counts as a failed request.
    """

    def __init__(self, url: str, body: bytes, *, per_second: float) -> None:
        self._address = urlsplit(url)
        self._body = body
        self._interval = 1 / per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._recent: deque[bytes] = deque(maxlen=50)
        self._answer = threading.Condition()
        self.total = 0
        self.failures: list[str] = []
        self.answers: set[bytes] = set()

    @property
    def failed(self) -> int:
        """How many requests were not answered with 200."""
        return len(self.failures)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def wait_for(self, part: bytes, timeout: float) -> None:
        """Wait until an answer that began after this call holds `part`.

        Raises:
            TimeoutError: None did within `timeout` seconds.
        """
        with self._answer:
            self._recent.clear()
            if not self._answer.wait_for(lambda: any(part in a for a in self._recent), timeout):
                raise TimeoutError(f"no answer held {part!r} within {timeout} s")

    def _run(self) -> None:
        connection = self._connect()
        due = time.perf_counter()
        while not self._stop.is_set():
            try:
                connection.request("POST", "/", self._body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self._count(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                self._count(0, repr(error).encode())
                connection.close()
                connection = self._connect()
            due += self._interval
            self._stop.wait(max(0.0, due - time.perf_counter()))
        connection.close()

    def _count(self, status: int, body: bytes) -> None:
        with self._answer:
            self.total += 1
            if status == 200:
                self._recent.append(body)
                self.answers.add(body)
            else:
                self.failures.append(f"{status}: {body[:300].decode(errors='replace')}")
            self._answer.notify_all()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "127.0.0.1", self._address.port or 80
        return http.client.HTTPConnection(host, port, timeout=30)
