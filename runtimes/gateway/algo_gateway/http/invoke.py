"""Calls over HTTP: the body in; the result, the pieces of a stream or the error out."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Call, Failure, Stream
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.http.direct import Direct
from algo_gateway.http.exchange import Exchange
from algo_gateway.http.operations import describe_calls
from algo_gateway.http.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from algo_gateway.http.jobs import JobPages
    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Routes
    from algo_gateway.http.service import Service

JSON = "application/json"


class Invoke:
    """Answers `POST` with what the algorithm makes of the body."""

    def __init__(self, service: Service, jobs: JobPages) -> None:
        self._service = service
        self._jobs = jobs
        self._streams = Streams(service)

    def register(self, routes: Routes) -> None:
        """Add the paths that call the algorithm."""
        routes.add("POST", "/", self.plain)
        routes.add("POST", "/invoke", self.plain)

    def describe(self, interface: Interface) -> None:
        """Add the calls to the document."""
        describe_calls(interface)

    def plain(self, scope: Any, proto: Any) -> Coroutine[Any, Any, None] | None:
        """Answer with the result itself."""
        headers, service = scope.headers, self._service
        if (
            type(proto) is not Exchange
            or proto.body is None
            or headers.get("content-type", JSON) != JSON
            or "prefer" in headers
            or "content-encoding" in headers
            or not service.plain
        ):
            return self._invoke(scope, proto)
        direct = Direct(service, proto, time.monotonic(), self._direct_stream)
        try:
            direct.call = service.submit(
                JSON,
                service.sized(proto.body),
                proto.client_disconnect,
                timeout=client_timeout(headers),
                client=scope.address,
                future=direct,
            )
        except Failure as problem:
            direct.set_exception(problem)
        return None

    async def _invoke(self, scope: Any, proto: Any) -> None:
        began = time.monotonic()
        service = self._service
        headers = scope.headers
        if headers.get("prefer") is not None and await self._jobs.order(
            scope, headers, proto, "plain"
        ):
            return
        call: Call | None = None
        try:
            body = await service.body(headers, proto)
            sent = headers.get("content-type") or JSON
            if sent != JSON or not service.plain:
                sent, body = await service.prepared(sent, body)
            call = service.submit(
                sent,
                body,
                proto.client_disconnect,
                timeout=client_timeout(headers),
                client=scope.client.rpartition(":")[0],
            )
            body = b""  # the call has it
            named = service.named(proto, headers, call)
            result = await call.future
            if isinstance(result, Stream):
                await self._streams.answer(call, result, headers, proto, named, began)
                return
            seconds = time.monotonic() - began
            service.metrics.answered(200, seconds)
            kind = ("content-type", result.content_type)
            proto.response_bytes(200, [kind, *named], result.body)
        except Failure as problem:
            service.answered(problem.status, began)
            proto.response_bytes(problem.status, *service.failed(problem, call, proto, headers))
        except asyncio.CancelledError:
            return  # the client went away
        finally:
            if call is not None:
                call.unwatch()
                service.ids.forget(call.id)

    async def _direct_stream(
        self, call: Call, stream: Stream, exchange: Exchange, began: float
    ) -> None:
        headers = exchange.scope.headers
        named = self._service.named(exchange, headers, call)
        try:
            await self._streams.answer(call, stream, headers, exchange, named, began)
        except asyncio.CancelledError:
            return  # the client went away
        finally:
            call.unwatch()
            self._service.ids.forget(call.id)
