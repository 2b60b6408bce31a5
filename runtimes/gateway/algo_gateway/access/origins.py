"""What web pages may do: CORS for the origins that are named, and nothing for others.

Sources: the Fetch standard (CORS protocol), RFC 6454 (origins), RFC 6761 (.localhost).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

Headers = list[tuple[str, str]]
ANY = "*"
# What a page may send and read beyond what every page may.
ALLOWED = (
    "authorization, content-type, prefer, idempotency-key, traceparent, tracestate, x-request-id,"
    " x-request-timeout, inference-header-content-length"
)
EXPOSED = (
    "x-request-id, traceresponse, retry-after, location, preference-applied, "
    "inference-header-content-length"
)
# How long a browser may remember a preflight, in seconds.
REMEMBERED = "600"
# What containers call the machine that they run on; .internal is nobody's (ICANN, 2024).
_MACHINE = frozenset({"host.docker.internal", "host.containers.internal"})


class Origins:
    """The rules for requests of web pages.

    Args:
        allowed: Origins as browsers send them (`https://app.example.com`), or `*`.
        local: Whether only programs of this machine are meant to call, and no page of the
            internet: then a foreign `Host` (DNS rebinding) or `Origin` is refused.
    """

    def __init__(self, allowed: Sequence[str], *, local: bool) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)
        self._local = local

    def __bool__(self) -> bool:
        return bool(self._allowed) or self._local

    def check(self, headers: Any) -> None:
        """Let a request through that no foreign page can have made.

        Raises:
            Failure: 403, its host or its origin is not of this machine.
        """
        if not self._local:
            return
        host = headers.get("host")
        if host is not None and not _is_ours(host):
            message = f"this service is for this machine alone, and {host!r} is no name of it"
            hint = "call it as localhost; or algo serve --tokens FILE, or --insecure-no-token"
            raise Failure(403, "host_refused", message, hint=hint)
        origin = headers.get("origin")
        if origin is None or self._allows(origin) or _is_local_page(origin, host or ""):
            return
        message = f"pages of {origin} may not call this service"
        hint = f'name it under [serving] in algo.toml: cors = ["{origin}"]'
        raise Failure(403, "origin_refused", message, hint=hint)

    def answer(self, headers: Any) -> Headers:
        """Return the headers that an answer to the request gets."""
        if not self._allowed:
            return []
        origin = headers.get("origin")
        if ANY in self._allowed:
            shown = [("access-control-allow-origin", ANY)] if origin else []
        else:
            known = origin is not None and self._allows(origin)
            shown = [("access-control-allow-origin", origin)] if known else []
        also = [("access-control-expose-headers", EXPOSED)] if shown else []
        return [*shown, *also, *([] if ANY in self._allowed else [("vary", "origin")])]

    def preflight(self, scope: Any, headers: Any, methods: Sequence[str]) -> Headers | None:
        """Return the headers that answer a preflight for `methods`, None when it is none."""
        if scope.method != "OPTIONS" or not self._allowed:
            return None
        if headers.get("origin") is None or headers.get("access-control-request-method") is None:
            return None
        shown = self.answer(headers)
        if not any(name == "access-control-allow-origin" for name, _ in shown):
            return shown
        shown = [pair for pair in shown if pair[0] != "access-control-expose-headers"]
        return [
            *shown,
            ("access-control-allow-methods", ", ".join(methods)),
            ("access-control-allow-headers", ALLOWED),
            ("access-control-max-age", REMEMBERED),
        ]

    def _allows(self, origin: str) -> bool:
        return ANY in self._allowed or origin.lower() in self._allowed


def _is_ours(host: str) -> bool:
    """Tell whether a `Host` is a name of this machine, or an address, which DNS cannot fake."""
    name = _name(f"//{host}")
    return _is_loopback(name) or name in _MACHINE or _address(name) is not None


def _is_local_page(origin: str, host: str) -> bool:
    """Tell whether a page is of this machine or of this service itself."""
    return _is_loopback(_name(origin)) or origin.lower().partition("://")[2] == host.lower()


def _is_loopback(name: str) -> bool:
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""
