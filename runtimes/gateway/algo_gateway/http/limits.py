"""What a client may do: sizes and times, and what becomes of a request that goes beyond."""

from __future__ import annotations

MOST_HEADERS = 100
MOST_HEAD = 1 << 16
# Requests that a client sends before it has read an answer; then it is not read.
MOST_BEHIND = 1 << 16
# Seconds: for a head, between two pieces of a body or of an answer, between two requests.
HEAD_TIME, STALL_TIME, IDLE_TIME = 10, 30, 75
# What a client gets to read an answer that came before its body had ended.
LINGER = 2.0
# Content types whose head is kept at hand.
MOST_HEADS = 64


class Refused(Exception):
    """A request that is none: a status, a code and what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


TOO_LARGE = Refused(431, "head_too_large", f"the request's head is over {MOST_HEAD} bytes")
