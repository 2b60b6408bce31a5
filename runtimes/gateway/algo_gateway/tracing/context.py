"""W3C Trace Context, level 1: the headers `traceparent` and `tracestate`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

PARENT, STATE = "traceparent", "tracestate"
RESPONSE = "traceresponse"  # level 2, a draft: where the caller finds our span
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_STATE = re.compile(r"[\x20-\x7e\t]{1,512}", re.ASCII)
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a trace: ids in hex, flags, and what tracing systems pass along."""

    trace: str
    span: str
    flags: int = 0
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether whoever began the trace records it."""
        return bool(self.flags & SAMPLED)

    @property
    def parent(self) -> str:
        """The `traceparent` of what happens below this place."""
        return f"00-{self.trace}-{self.span}-{self.flags:02x}"

    @property
    def fields(self) -> bytes:
        """What the header of a call's frame says of it."""
        state = self.state.replace("\\", "\\\\").replace('"', '\\"').replace("\t", " ")
        also = f',"{STATE}":"{state}"' if state else ""
        return f',"{PARENT}":"{self.parent}"{also}'.encode()


def read(headers: Any) -> Context | None:
    """Return the caller's place in a trace, None when the headers say nothing that holds."""
    text = headers.get(PARENT)
    if text is None:
        return None
    match = _PARENT.fullmatch(text.strip())
    if match is None:
        return None
    version, trace, span, flags, more = match.groups()
    # Versions to come may add fields; ff is none, and version 00 has no more than these.
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    state = headers.get(STATE) or ""
    return Context(trace, span, int(flags, 16), state if _STATE.fullmatch(state) else "")
