"""Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from algo.registry.errors import ProxyUnusable
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and the value of `Proxy-Authorization` that it wants."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Proxies(Value, frozen=True):
    """The proxies by scheme, and what is reached without one.

    Args:
        by_scheme: The address of the proxy for `http`, `https` and `all`.
        around: The entries of `NO_PROXY`: a host and all below it, an address or a network of
            addresses, each with a port or without; `*` is everything.
    """

    by_scheme: Mapping[str, str] = msgspec.field(default_factory=dict)
    around: tuple[str, ...] = ()

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Proxies:
        """Read the environment; where both are set the lower case names count, as in curl."""
        found = {}
        for scheme in ("http", "https", "all"):
            name = f"{scheme}_proxy"
            if value := env.get(name) or env.get(name.upper()):
                found[scheme] = value
        around = env.get("no_proxy") or env.get("NO_PROXY") or ""
        return cls(found, tuple(one.strip().lower() for one in around.split(",") if one.strip()))

    def way(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy to `host`, `None` for the direct way.

        Raises:
            ProxyUnusable: Its address is none, or of a kind that we do not speak.
        """
        address = self.by_scheme.get(scheme) or self.by_scheme.get("all")
        if not address or any(_is_below(host.lower(), port, one) for one in self.around):
            return None
        return _parsed(address)


def _parsed(address: str) -> Proxy:
    whole = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    shown = whole.rpartition("@")[2].removeprefix("http://")
    if not host:
        raise ProxyUnusable(f"the proxy {shown!r} is no address")
    if parts.scheme != "http":
        raise ProxyUnusable(f"{shown}: a proxy is spoken to as http://, not {parts.scheme}://")
    authorization = ""
    if parts.username is not None:
        known = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(known.encode()).decode()}"
    return Proxy(host, port or _PORTS["http"], authorization)


def _is_below(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, _, wanted = entry.rpartition(":")
    if name and wanted.isdigit() and ":" not in name.strip("[]"):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    name = entry.removeprefix("*").lstrip(".")
    return host == name or (bool(name) and host.endswith(f".{name}"))
