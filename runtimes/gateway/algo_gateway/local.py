"""The address at which code written for Algorithmia finds its services."""

from __future__ import annotations

import os
import secrets
import socket

ADDRESS, KEY = "ALGORITHMIA_API", "ALGORITHMIA_API_KEY"


def open_local() -> socket.socket | None:
    """Listen on loopback and tell processes that we start where, and with which key.

    None where the environment names an address already: then that one is meant.

    Raises:
        OSError: There is no loopback.
    """
    if os.environ.get(ADDRESS):
        return None
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", 0))
    except BaseException:
        listener.close()
        raise
    # What connects before we accept waits.
    listener.listen()
    os.environ[ADDRESS] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    os.environ[KEY] = f"sim{secrets.token_hex(16)}"
    return listener
