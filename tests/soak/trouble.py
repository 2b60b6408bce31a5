"""What happens to the service meanwhile: edits, deaths, and clients that misbehave."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

_HEAD = b"POST / HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\n"


class Trouble:
    """Makes trouble of all kinds, one after the other in a random order.

    Args:
        served: The service.
        chance: Decides what is next.
    """

    def __init__(self, served: GatewayProcess, chance: random.Random) -> None:
        self.wrong: list[str] = []
        # How long it took until there were as many workers as there should be, in seconds.
        self.recoveries: list[float] = []
        self._served = served
        self._chance = chance
        self._version = 0
        self._kinds: list[tuple[str, Callable[[], None]]] = [
            ("kill", self._kill),
            ("exit", self._exit),
            ("swap", self._swap),
            ("load", self._load),
            ("bad edit", self._bad_edit),
            ("vanish", self._vanish),
            ("slow", self._slow),
            ("unread", self._unread),
        ]

    def make(self) -> str:
        """Make trouble; return of which kind."""
        name, one = self._chance.choice(self._kinds)
        one()
        return name

    def _kill(self) -> None:
        workers = self._served.workers()
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._chance.choice(workers), signal.SIGKILL)
            self._recovered()

    def _exit(self) -> None:
        answer = self._served.post({"n": 0, "kind": "exit"})
        if answer.status != http.client.BAD_GATEWAY:
            self.wrong.append(f"exit: {answer.status} {answer.body[:200]!r}")
        self._recovered()

    def _recovered(self) -> None:
        began = time.monotonic()
        time.sleep(0.02)
        while b"algo_workers 2\n" not in self._served.ask("GET", "/metrics").body:
            time.sleep(0.01)
            if time.monotonic() - began > 30:
                self.wrong.append("30 s after a worker's death there is no other one")
                return
        self.recoveries.append(time.monotonic() - began)

    def _swap(self) -> None:
        self._version += 1
        self._edit("VERSION = ", f"VERSION = {self._version}", "swap")

    def _load(self) -> None:
        self._version += 1
        line = f"    return os.urandom(1 << 20) * 20 + b'' * {self._version}"
        self._edit("    return os.urandom", line, "worker")

    def _edit(self, begin: str, line: str, rung: str) -> None:
        entry = self._served.app / "src" / "it.py"
        lines = [line if old.startswith(begin) else old for old in entry.read_text().splitlines()]
        entry.write_text("\n".join(lines) + "\n")
        said = self._served.reload("src/it.py")
        if not said["ok"] or said["rung"] != rung:
            self.wrong.append(f"a reload that was to be a {rung}: {said}")

    def _bad_edit(self) -> None:
        entry = self._served.app / "src" / "it.py"
        good = entry.read_text()
        entry.write_text(good + "\ndef broken(:\n")
        said = self._served.reload("src/it.py")
        entry.write_text(good)
        again = self._served.reload("src/it.py")
        if said["ok"] or not again["ok"]:
            self.wrong.append(f"a bad edit and its repair: {said}, {again}")

    def _vanish(self) -> None:
        request = _request({"n": 1, "kind": "sleep"})
        for _ in range(20):
            with self._connected() as client:
                client.sendall(request[: self._chance.randint(0, len(request))])
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _slow(self) -> None:
        request = _request({"n": 1})
        with self._connected() as client:
            for at in range(0, len(request), 10):
                client.sendall(request[at : at + 10])
                time.sleep(0.05)
            if not client.recv(4096).startswith(b"HTTP/1.1 200 "):
                self.wrong.append("a slow client got no answer")

    def _unread(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                client = stack.enter_context(self._connected())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.sendall(_request({"n": 1, "kind": "large"}))
            time.sleep(2)

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._served.port), timeout=20)


def _request(value: object) -> bytes:
    body = json.dumps(value).encode()
    return _HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
