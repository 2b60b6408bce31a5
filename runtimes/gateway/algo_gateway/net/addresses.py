"""Addresses that a request may make the gateway speak to: public ones, unless told otherwise."""

from __future__ import annotations

import ipaddress
import socket

# Addresses that carry an IPv4 address inside: NAT64 (RFC 6052). 6to4, Teredo and mapped ones
# are known to the standard library.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """A host may not be spoken to; the message says why."""


def is_public(address: str) -> bool:
    """Tell whether `address` (without a port) is one of the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
    return found.is_global and not (found.is_multicast or found.is_reserved)


def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Return the addresses of `host`; speak to one of these, as a name may change its address.

    Blocks on the name service.

    Args:
        host: A name or an address.
        port: The port, for the name service.
        private: Allow addresses that are not of the public internet.

    Raises:
        Forbidden: One of its addresses is not public.
        OSError: There is no such host.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private:
        for address in addresses:
            if not is_public(address):
                raise Forbidden(f"{host} is at {address}, which is no public address")
    return addresses
