"""Small web servers on loopback, each for as long as a block runs."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler
    from socketserver import BaseServer


class Server(ThreadingHTTPServer):
    """Tells no trace of a client that hung up.

    A test that leaves a connection open has it closed by a later test's garbage collection, and
    a trace that this thread writes then is read into that test's output, and parses source beside
    it, which Python 3.11 cannot do in two threads at once.
    """

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler],
    host: str = "127.0.0.1",
    context: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    """Answer by `handler` at a free port of `host` until the block ends, by TLS with a context."""
    with Server((host, 0), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with running(server):
            yield server


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    """Let a server answer in a thread of its own until the block ends; its owner closes it."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
