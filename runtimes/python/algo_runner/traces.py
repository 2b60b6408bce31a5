"""The trace that a call belongs to, for the author's own OpenTelemetry and for what he starts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_runner.frames import Header

PARENT, STATE = "traceparent", "tracestate"


def enter(header: Header, *, alone: bool) -> Any:
    """Let what runs now belong to the trace of a call; return what `leave` wants.

    Args:
        header: Of the call, which has a `traceparent`.
        alone: Whether no other call runs meanwhile: then the environment says it, too, as
            OpenTelemetry has it for processes (TRACEPARENT, TRACESTATE).
    """
    carrier = {name: header[name] for name in (PARENT, STATE) if name in header}
    if alone:
        os.environ.update({name.upper(): value for name, value in carrier.items()})
    # Only the author imports it; when he has not, nobody could see the context.
    if "opentelemetry" not in sys.modules:
        return None
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        return None
    return context.attach(TraceContextTextMapPropagator().extract(carrier))


def leave(token: Any) -> None:
    """Belong to no trace any more."""
    os.environ.pop(PARENT.upper(), None)
    os.environ.pop(STATE.upper(), None)
    if token is not None:
        from opentelemetry import context

        context.detach(token)
