"""What a client may do: sizes and times, and what becomes of a request that goes beyond."""

from __future__ import annotations

MOST_HEADERS = 100
MOST_HEAD = 1 << 16
# Requests that a client sends before it has read an answer; then it is not read.
MOST_BEHIND = 1 << 16
# Seconds: for a head, between two pieces of a body or of an answer, between two requests.
HEAD_TIME, STALL_TIME, IDLE_TIME = 10, 30, 75
# Bytes of a body a second, on the average after the first STALL_TIME: no drip holds a place.
LEAST_RATE = 4096
# Clients at once, and files that are left for everything else; a file is a client's least.
MOST_CONNECTIONS, SPARE_FILES = 16_384, 128
# How many connections are looked at for one that may give way to a new one.
LOOKED_AT = 64
# What a client gets to read an answer that came before its body had ended.
LINGER = 2.0
# Content types whose head is kept at hand.
MOST_HEADS = 64
# Names of headers that are known in lower case.
MOST_NAMES = 256


class Refused(Exception):
    """A request that is none: a status, a code and what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


TOO_MANY = Refused(503, "too_many_connections", "other clients have all connections; come again")
TOO_LARGE = Refused(431, "head_too_large", f"the request's head is over {MOST_HEAD} bytes")
