"""From a request and its calls to spans: the request, its time in the queue, its worker's work."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from algo_gateway.tracing.context import SAMPLED, Context
from algo_gateway.tracing.span import INTERNAL, SERVER, Event, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.calls.call import Call
    from algo_gateway.tracing.sampling import Sampler
    from algo_gateway.tracing.span import Attribute

# Calls of one request that get spans; a request of the inference protocol may have many.
MOST_CALLS = 32


class Trace:
    """The trace of one request: the caller's, or a new one.

    Attributes:
        parent: The caller's place in it, None when it begins here.
        place: The request's own.
        recorded: Whether spans are made of it; else it is passed along as it came.
        calls: Those of the request, each with its place.
        start: When it came, in nanoseconds since 1970.
    """

    __slots__ = ("_clock", "calls", "parent", "place", "recorded", "start")

    def __init__(self, parent: Context | None, place: Context, *, recorded: bool) -> None:
        self.parent = parent
        self.place = place
        self.recorded = recorded
        self.calls: list[tuple[Call, Context]] = []
        self.start = time.time_ns()
        self._clock = time.monotonic()

    def below(self, call: Call) -> Context:
        """Return the place of a call of this request."""
        if not self.recorded:
            return self.place
        context = Context(self.place.trace, new_id(64), self.place.flags, self.place.state)
        if len(self.calls) < MOST_CALLS:
            self.calls.append((call, context))
        return context

    def at(self, clock: float) -> int:
        """Return a time of `time.monotonic` in nanoseconds since 1970."""
        return self.start + int((clock - self._clock) * 1e9)


class Tracer:
    """Begins traces, and makes spans of those that are recorded.

    Args:
        sampler: Decides which are.
        sink: Takes the spans.
    """

    def __init__(self, sampler: Sampler, sink: Callable[[Span], None]) -> None:
        self._sampler = sampler
        self._sink = sink

    def begin(self, parent: Context | None) -> Trace:
        """Return the trace of a request whose caller is at `parent`, if anywhere."""
        trace = parent.trace if parent is not None else new_id(128)
        sampled = self._sampler(parent, trace)
        if not sampled and parent is not None:
            flags = parent.flags & ~SAMPLED
            place = Context(trace, parent.span, flags, parent.state)
            return Trace(parent, place, recorded=False)
        state = parent.state if parent is not None else ""
        place = Context(trace, new_id(64), SAMPLED if sampled else 0, state)
        return Trace(parent, place, recorded=sampled)

    def end(
        self,
        trace: Trace,
        name: str,
        attributes: dict[str, Attribute],
        *,
        error: str | None,
        stacktrace: str = "",
    ) -> None:
        """Make the spans of a request that has its answer.

        Args:
            trace: Of the request.
            name: `POST /invoke`.
            attributes: By OpenTelemetry's conventions for HTTP servers.
            error: Why it failed; None where that is not the service's fault.
            stacktrace: Where, in the author's code.
        """
        place, parent = trace.place, trace.parent
        if not trace.recorded:
            return
        now = time.monotonic()
        span = Span(
            trace=place.trace,
            span=place.span,
            parent=parent.span if parent is not None else "",
            name=name,
            kind=SERVER,
            start=trace.start,
            end=trace.at(now),
            state=place.state,
            attributes=attributes,
            error=error,
            remote=parent is not None,
        )
        self._sink(span)
        for call, below in trace.calls:
            self._sink(_part(trace, new_id(64), "queue", call.arrived, call.began or now))
            if not call.began:
                continue
            work = _part(trace, below.span, "worker", call.began, call.ended or now)
            if call.worker is not None:
                work.attributes["process.pid"] = call.worker.pid
            if error is not None:
                work.error = error
                work.events.append(_exception(error, stacktrace, work.end))
            self._sink(work)


def passed(parent: Context | None) -> Trace | None:
    """Return the trace of a request that nobody records here: the caller's, if he has one."""
    return Trace(parent, parent, recorded=False) if parent is not None else None


def _part(trace: Trace, span: str, name: str, start: float, end: float) -> Span:
    place = trace.place
    begin, over = trace.at(start), trace.at(max(start, end))
    return Span(place.trace, span, place.span, name, INTERNAL, begin, over, place.state)


def _exception(error: str, stacktrace: str, when: int) -> Event:
    """Return the event of an exception, by OpenTelemetry's conventions."""
    kind, _, message = error.partition(": ")
    event = Event("exception", when, {"exception.type": kind, "exception.message": message})
    if stacktrace:
        event.attributes["exception.stacktrace"] = stacktrace
    return event


def new_id(bits: int) -> str:
    """Return a random id in hex that is not 0."""
    return f"{random.getrandbits(bits) or 1:0{bits // 4}x}"
