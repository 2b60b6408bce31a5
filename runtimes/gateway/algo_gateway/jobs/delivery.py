"""One attempt to deliver a webhook: to an address that was looked at, without redirects."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from algo_gateway.net.addresses import Forbidden, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

# For the whole of an attempt, in seconds.
PATIENCE = 15.0
_LONGEST_WAIT = 86_400.0


class Delivered(msgspec.Struct, frozen=True):
    """How an attempt went: the status (0: no answer), why not, and when to come again."""

    status: int
    reason: str = ""
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300


def deliver(url: str, body: bytes, headers: Mapping[str, str], *, private: bool) -> Delivered:
    """Post `body` to `url`. Blocks, for about `PATIENCE` seconds at most.

    Args:
        url: Where to.
        body: JSON.
        headers: Besides those of the content.
        private: Its host may be at an address that is not of the public internet.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection | None = None
    cut = threading.Timer(PATIENCE, lambda: _cut(connection))
    cut.daemon = True
    try:
        address = resolve(host, port, private=private)[0]
        connection = _Secure(host, port, address) if secure else _Plain(host, port, address)
        cut.start()
        connection.request("POST", path, body, {**_HEADERS, **headers})
        response = connection.getresponse()
        return Delivered(
            response.status, "", _seconds(response.getheader("retry-after"), time.time())
        )
    except Forbidden as error:
        return Delivered(0, str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Delivered(0, f"{type(error).__name__}: {error}")
    finally:
        cut.cancel()
        if connection is not None:
            connection.close()


_HEADERS = {"content-type": "application/json", "user-agent": "algo-webhooks/1"}


class _Plain(http.client.HTTPConnection):
    """A connection to one address of a host, as its name may have another one by now."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _Secure(_Plain):
    default_port = 443

    def connect(self) -> None:
        import ssl

        super().connect()
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


def _cut(connection: http.client.HTTPConnection | None) -> None:
    """End a connection whose other side takes its time."""
    if connection is not None and connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _seconds(text: str | None, now: float) -> float:
    """Return the seconds that Retry-After says (RFC 9110, 10.2.3), 0 where it says none."""
    if text is None:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        when = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return 0.0
    return min(max(0.0, when - now), _LONGEST_WAIT)
