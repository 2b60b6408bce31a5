"""What a generator yields, over HTTP: as it comes, as fast as the client reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Call, Failure, Stream
from algo_gateway.calls.pieces import JSON, Form, Plain, form_of

if TYPE_CHECKING:
    from algo_gateway.http import answers
    from algo_gateway.http.service import Service

# Proxies are to pass pieces on as they come: the second is nginx's own word.
_LIVE = [("cache-control", "no-cache, no-transform"), ("x-accel-buffering", "no")]


class Streams:
    """Answers calls whose result is a stream."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(
        self,
        call: Call,
        stream: Stream,
        headers: Any,
        proto: Any,
        named: answers.Headers,
        began: float,
    ) -> None:
        """Send the pieces in the form that the client likes best.

        Args:
            call: Whose result it is.
            stream: Its pieces.
            headers: Of the request.
            proto: Takes the answer.
            named: Headers that name the request.
            began: When the request came.

        Raises:
            ConnectionError: The client has gone.
        """
        status, accept = 200, headers.get("accept") or ""
        form: Form | None = None
        transport: Any = None
        try:
            while (piece := await self._next(stream, form, transport)) is not None:
                if form is None:
                    form = form_of(accept, piece.content_type)
                    transport = self._begin(proto, form, named)
                await transport.send_bytes(form.piece(piece))
        except Failure as problem:
            status = problem.status
            told = not isinstance(form, Plain)
            shown, body = self._service.failed(problem, call, proto, headers, told=told)
            if form is None:
                proto.response_bytes(status, shown, body)
            elif end := form.error(body):
                await transport.send_bytes(end)
            else:
                transport.cut()
        finally:
            stream.close()
            if not call.settled:
                self._service.pool.queue.drop(call)  # the client left, or reads no more
        if form is None and status == 200:
            self._begin(proto, form_of(accept, JSON), named)
        self._service.answered(status, began)

    def _begin(self, proto: Any, form: Form, named: answers.Headers) -> Any:
        return proto.response_stream(200, [("content-type", form.content_type), *_LIVE, *named])

    async def _next(self, stream: Stream, form: Form | None, transport: Any) -> Any:
        """Return the next piece; while there is none, let the client know that we are here."""
        if form is not None and form.quiet:
            seconds = self._service.pool.serving.heartbeat
            while not await stream.ready(seconds):
                await transport.send_bytes(form.quiet)
        return await stream.next()
