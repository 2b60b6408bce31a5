"""HTTP to a container engine, over its unix socket or a plain TCP port."""

from __future__ import annotations

import http.client

from algo.engines.docker_client import endpoint_of, open_socket


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is opened here."""

    def __init__(self, endpoint: str | tuple[str, int], timeout: float | None) -> None:
        super().__init__(endpoint[0] if isinstance(endpoint, tuple) else "localhost")
        self._endpoint, self._patience = endpoint, timeout

    def connect(self) -> None:
        """Connect to the engine."""
        self.sock = open_socket(self._endpoint, self._patience)


def open_connection(address: str, timeout: float | None) -> http.client.HTTPConnection | None:
    """Return a plain connection to the engine, None when the address needs the SDK (TLS, ssh)."""
    endpoint = endpoint_of(address)
    return None if endpoint is None else _Connection(endpoint, timeout)
