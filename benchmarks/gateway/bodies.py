"""A binary body of 100 MB in and out: how long it takes, and how much memory, beside granian.

python -m benchmarks.gateway.bodies [--megabytes 100] [--rounds 5]

The algorithm returns what it got, as granian's bare echo does. Memory is the most that the
server's processes have together (PSS) while it runs, above what they have at rest.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.gateway.servers import GRANIAN, gateway, running
from benchmarks.gateway.usage import memory_megabytes
from benchmarks.outcome import Outcome, Ratio, report

if TYPE_CHECKING:
    from benchmarks.gateway.servers import Running

COLUMNS = ["server", "seconds", "least to most", "MB at rest", "MB more, at most", "of the body"]


def main() -> None:
    """Measure both in turn and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    body = bytes(options.megabytes * 1_000_000)
    taken: dict[str, list[float]] = {}
    memory: dict[str, tuple[float, float]] = {}
    with ExitStack() as stack:
        servers = (gateway("algo", "echo", 42), GRANIAN)
        found = [stack.enter_context(running(one)) for one in servers]
        rest = {one.server.name: memory_megabytes(one.process.pid) for one in found}
        clients = {one.server.name: Client(one, body) for one in found}
        for name, client in clients.items():
            client.call()
            taken[name] = []
        for _ in range(options.rounds):
            for name, client in clients.items():
                taken[name].append(client.call())
        for one in found:
            name = one.server.name
            memory[name] = rest[name], watched(one, clients[name]) - rest[name]
    rows = [
        [
            *(
                name,
                f"{statistics.median(seconds):.3f}",
                f"{min(seconds):.3f} to {max(seconds):.3f}",
            ),
            *(f"{memory[name][0]:.0f}", f"{memory[name][1]:.0f}"),
            f"{memory[name][1] / options.megabytes:.2f}",
        ]
        for name, seconds in taken.items()
    ]
    speed = statistics.median(taken[GRANIAN.name]) / statistics.median(taken["algo"])
    more = memory["algo"][1] / options.megabytes
    asked = [
        Ratio("100 MB in and out, speed of a bare granian echo's", speed, 0.5, least=True),
        Ratio("memory for it, of the body", more, 2.5, least=False),
    ]
    title = f"a binary body of {options.megabytes} MB in and out"
    report(Outcome("gateway.bodies", title, COLUMNS, rows, asked))


class Client:
    """One connection, that sends and receives with as few copies as a socket needs."""

    def __init__(self, server: Running, body: bytes) -> None:
        where = urlsplit(server.url)
        self._socket = socket.create_connection((where.hostname or "", where.port or 0), 60)
        self._head = (
            "POST / HTTP/1.1\r\nhost: here\r\ncontent-type: application/octet-stream\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode()
        self._body = body
        self._answer = bytearray(len(body) + 4096)

    def call(self) -> float:
        """Send the body, receive the answer, and return the seconds that took.

        Raises:
            RuntimeError: It is no answer 200, or another body.
        """
        began = time.perf_counter()
        self._socket.sendall(self._head)
        self._socket.sendall(self._body)
        view, at, end = memoryview(self._answer), 0, 0
        while not end or at < end:
            count = self._socket.recv_into(view[at:])
            if not count:
                raise RuntimeError(f"the server left: {bytes(self._answer[:500])!r}")
            at += count
            head = 0 if end else self._answer.find(b"\r\n\r\n", 0, at)
            if head > 0:
                said = bytes(self._answer[:head]).lower()
                if b" 200 " not in said:
                    raise RuntimeError(f"it answers {said!r}")
                end = head + 4 + int(said.partition(b"content-length: ")[2].split()[0])
        taken = time.perf_counter() - began
        if view[at - len(self._body) : at] != self._body:
            raise RuntimeError("another body came back")
        return taken


def watched(server: Running, client: Client) -> float:
    """Call a few times; return the most memory in megabytes that was seen meanwhile."""
    seen = [0.0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.003):
            seen.append(memory_megabytes(server.process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        client.call()
    over.set()
    watcher.join()
    return max(seen)


if __name__ == "__main__":
    main()
