"""The hottest way: a call whose answer is written when its result comes, without a task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from algo_gateway.calls.call import Call, Failure, Result, Stream

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from algo_gateway.http.exchange import Exchange
    from algo_gateway.http.service import Service

    Streams = Callable[[Call, Stream, Exchange, float], Coroutine[None, None, None]]


class Direct:
    """Stands where a call has its future: what would resolve that answers the request.

    Args:
        service: What is served.
        exchange: The request, whose body is there.
        began: When it came, by `time.monotonic`.
        streams: Sends the pieces of a stream.
    """

    __slots__ = ("_began", "_done", "_exchange", "_service", "_streams", "call")

    def __init__(
        self, service: Service, exchange: Exchange, began: float, streams: Streams
    ) -> None:
        self._service = service
        self._exchange = exchange
        self._began = began
        self._streams = streams
        self._done = False
        self.call: Call | None = None

    def done(self) -> bool:
        """Whether the request has its answer, or nobody waits for one."""
        return self._done

    def set_result(self, result: Result | Stream) -> None:
        """Answer with a result, or begin to answer with a stream."""
        call = self.call
        assert call is not None
        if isinstance(result, Stream):
            self._done, self.call = True, None
            work = self._streams(call, result, self._exchange, self._began)
            self._exchange.goes_on(work)
            return
        service, exchange = self._service, self._exchange
        headers = exchange.scope.headers
        name = service.name_of(headers, call)
        service.metrics.answered(200, time.monotonic() - self._began)
        self._end(call)
        exchange.answer(result.content_type, name, result.body)

    def set_exception(self, problem: Exception) -> None:
        """Answer with a failure."""
        assert isinstance(problem, Failure)
        service, exchange, call = self._service, self._exchange, self.call
        service.answered(problem.status, self._began)
        shown = service.failed(problem, call, exchange, exchange.scope.headers)
        if call is not None:
            self._end(call)
        exchange.response_bytes(problem.status, *shown)

    def cancel(self) -> bool:
        """The client has gone."""
        if self.call is not None:
            self._end(self.call)
        return True

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop on which it is answered."""
        return self._exchange.loop

    def _end(self, call: Call) -> None:
        self._done = True
        self.call = None  # call and answer would keep each other
        self._service.ids.forget(call.id)
        call.unwatch()
