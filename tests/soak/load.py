"""Clients of several kinds at a low rate, each of which knows its own answer."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# How often each kind of call is made, of a hundred.
KINDS = {"": 70, "sleep": 8, "stream": 6, "refuse": 5, "raise": 3, "print": 3, "binary": 5}
EVENTS = {"refuse": 400, "raise": 500}


class Load:
    """Calls until it is stopped; `wrong` holds every answer that was not as it had to be.

    Args:
        port: Where the service listens, on this machine.
        rate: Calls a second, of all clients together.
        clients: How many clients there are.
    """

    def __init__(self, port: int, rate: float, clients: int = 6) -> None:
        self.wrong: list[str] = []
        # Calls that a worker which was killed had begun: told as 502, and counted.
        self.lost = 0
        self.count = 0
        self._latencies: list[float] = []
        self._port = port
        self._interval = clients / rate
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(seed,), daemon=True) for seed in range(clients)
        ]

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the calls in hand."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def taken(self) -> list[float]:
        """Return the seconds that the small calls took since this was asked last."""
        with self._lock:
            latencies, self._latencies = self._latencies, []
        return latencies

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        connection = self._connect()
        due = time.monotonic()
        while not self._stop.is_set():
            (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
            number = next(self._numbers)
            began = time.monotonic()
            try:
                problem = _call(connection, kind, number, chance)
            except (OSError, http.client.HTTPException) as error:
                problem = f"no answer: {error!r}"
                connection.close()
                connection = self._connect()
            self._note(kind, number, problem, time.monotonic() - began)
            due += self._interval * chance.uniform(0.5, 1.5)
            self._stop.wait(max(0.0, due - time.monotonic()))
        connection.close()

    def _note(self, kind: str, number: int, problem: str, seconds: float) -> None:
        with self._lock:
            self.count += 1
            if problem.startswith("502 ") and "SIGKILL" in problem:
                self.lost += 1
            elif problem:
                self.wrong.append(f"{kind or 'call'} {number}: {problem[:300]}")
            elif not kind:
                self._latencies.append(seconds)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)


def _call(
    connection: http.client.HTTPConnection, kind: str, number: int, chance: random.Random
) -> str:
    """Call once; return what is wrong with the answer, nothing when it is right."""
    if kind == "binary":
        sent = chance.randbytes(1 << chance.randint(10, 20))
        content = "application/octet-stream"
    else:
        sent = json.dumps({"n": number, "kind": kind}).encode()
        content = "application/json"
    connection.request("POST", "/", sent, {"Content-Type": content})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != EVENTS.get(kind, http.client.OK):
        return f"{answer.status} {body[:300]!r}"
    return "" if _CHECKS.get(kind, _plain)(number, sent, body) else f"the answer is {body[:300]!r}"


def _plain(number: int, sent: bytes, body: bytes) -> bool:
    return bool(json.loads(body) == {"n": number, "touched": True})


def _binary(number: int, sent: bytes, body: bytes) -> bool:
    return body == sent[::-1]


def _stream(number: int, sent: bytes, body: bytes) -> bool:
    pieces: list[Any] = [json.loads(line) for line in body.splitlines()]
    return pieces == [{"n": number, "piece": piece} for piece in range(20)]


def _failure(number: int, sent: bytes, body: bytes) -> bool:
    return str(number) in json.loads(body)["error"]["message"]


_CHECKS: dict[str, Callable[[int, bytes, bytes], bool]] = {
    "binary": _binary,
    "stream": _stream,
    "refuse": _failure,
    "raise": _failure,
}
