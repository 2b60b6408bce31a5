"""The door of development: sockets of the host that reach us as descriptors (SCM_RIGHTS, unix(7)).

The command line listens, and hands that socket to the gateway in the container. A second gateway
gets the same one, so a new container takes over while connections come: none is refused.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 5.0


def listening_socket(door: Path) -> socket.socket:
    """Return the socket that the service listens on.

    Raises:
        OSError: Descriptors do not come through here.
    """
    return _ask(door, b"listen\n")


def connection(door: Path) -> socket.socket:
    """Return a socket that is connected to the service: to whoever accepts there now.

    Raises:
        OSError: The door is closed, or nobody accepts.
    """
    return _ask(door, b"connect\n")


def _ask(door: Path, what: bytes) -> socket.socket:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.settimeout(_PATIENCE)
        way.connect(str(door))
        way.sendall(what)
        _, descriptors, _, _ = socket.recv_fds(way, 16, 1)
    if not descriptors:
        raise ConnectionRefusedError("the door gave no descriptor")
    return socket.socket(fileno=descriptors[0])
