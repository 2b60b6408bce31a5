"""Ports of this machine: find a free one, refuse a taken one."""

from __future__ import annotations

import errno
import socket
from typing import Any

from algo.engines.errors import AddressInvalid, PortTaken


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of `host` on which nothing listens now.

    Raises:
        AddressInvalid: `host` is not an address of this machine.
    """
    return _bind(host, 0)


def claim(host: str, port: int) -> int:
    """Return `port` when nothing listens on it, a free one when it is 0.

    Raises:
        PortTaken: Something listens there; the hint names the next free one.
        AddressInvalid: `host` is not an address of this machine.
    """
    try:
        return _bind(host, port)
    except PermissionError as error:
        raise PortTaken(
            f"port {port} is only for root", hint="pass --port 8080, or --port 0 for any free one"
        ) from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    free = next_free(host, port)
    raise PortTaken(f"port {port} of {host} is taken", hint=f"pass --port {free}, or --port 0")


def claim_near(host: str, port: int) -> int:
    """Return `port` when nothing listens on it, else the next free one.

    Raises:
        AddressInvalid: `host` is not an address of this machine.
    """
    try:
        return claim(host, port)
    except PortTaken:
        return next_free(host, port)


def next_free(host: str, port: int) -> int:
    """Return the first free port after `port`."""
    for candidate in range(port + 1, min(port + 50, 65535)):
        try:
            return _bind(host, candidate)
        except OSError:
            continue
    return 0


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a socket that listens on `port` of `host`, 0 for any free one.

    Raises:
        PortTaken: Something listens there; the hint names the next free one.
        AddressInvalid: `host` is not an address of this machine.
    """
    claim(host, port)
    # With 0 the system chooses again: what was free a moment ago may be another's by now.
    family, kind, protocol, _, address = _address(host, port)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        free = next_free(host, port)
        raise PortTaken(f"port {port} of {host} is taken", hint=f"pass --port {free}") from error
    return listener


def _address(host: str, port: int) -> tuple[int, int, int, str, Any]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressInvalid(f"{host!r} is not an address: {error.strerror}") from error
    return found[0]


def _bind(host: str, port: int) -> int:
    family, kind, protocol, _, address = _address(host, port)
    with socket.socket(family, kind, protocol) as probe:
        # Without it a port that was just served cannot be used again for a minute; a listener
        # still makes bind fail.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise AddressInvalid(f"{host} is not an address of this machine") from error
            raise
        return int(probe.getsockname()[1])
