"""The id of a request, which its answer and its log lines carry."""

from __future__ import annotations

import itertools
import re
import secrets

HEADER = "x-request-id"
# What a caller may call his request: it goes into logs and headers as it is.
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)


class Ids:
    """Makes ids: a random part for the process, then a number.

    `named` has the ids of running calls that are not made from the call's number, and `traces`
    the trace ids of those that have one, both by the number.
    """

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self.named: dict[int, str] = {}
        self.traces: dict[int, str] = {}

    def of_call(self, number: int) -> str:
        """Return the id of a call."""
        return self.named.get(number) or f"{self._prefix}-{number}"

    def forget(self, number: int) -> None:
        """Let go of a call that is over."""
        if self.named:
            self.named.pop(number, None)
        if self.traces:
            self.traces.pop(number, None)

    def new(self) -> str:
        """Return the id of a request that is no call yet, and may never be one."""
        return f"{self._prefix}-r{next(self._numbers)}"


def given(text: str | None) -> str | None:
    """Return the id that a caller gave in `X-Request-Id`, None when it is not well formed."""
    return text if text is not None and _WELL_FORMED.fullmatch(text) else None
