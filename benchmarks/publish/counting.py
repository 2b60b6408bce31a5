"""A proxy on loopback that counts the bytes which a client sends."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 16


@dataclass
class Counter:
    """The proxy's own address, and what came to it from clients so far."""

    address: str
    sent: int = 0


@contextmanager
def counting(target: str) -> Iterator[Counter]:
    """Stand before `target` (`host:port`) for a block."""
    host, _, port = target.partition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    counter = Counter(f"127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(port)))
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=_copy, args=(client, server, counter), daemon=True).start()
                threading.Thread(target=_copy, args=(server, client, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield counter
    finally:
        listener.close()


def _copy(source: socket.socket, target: socket.socket, counter: Counter | None) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            if counter is not None:
                counter.sent += len(piece)
            target.sendall(piece)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
