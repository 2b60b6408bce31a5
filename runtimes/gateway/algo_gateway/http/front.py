"""What stands before every route: who may call, what the answer carries, what is written down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Call, Failure
from algo_gateway.calls.carried import carried
from algo_gateway.http import answers
from algo_gateway.http.spans import record
from algo_gateway.observe.ids import HEADER, given
from algo_gateway.tracing.context import RESPONSE, read
from algo_gateway.tracing.tracer import passed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from algo_gateway.access.origins import Origins
    from algo_gateway.access.tokens import Tokens
    from algo_gateway.http.routes import Handler, Routes
    from algo_gateway.http.service import Service
    from algo_gateway.tracing.tracer import Trace

# What asks for these asks every few seconds, and nobody wants to read that it was told yes.
_PROBES = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
# An answer that nobody got: the client had gone (nginx's number for it).
GONE = 499


class Watched:
    """RSGI's protocol object of one request; what is answered through it is seen.

    Attributes:
        id: The request's id.
        trace: Its trace, if it has one.
        status: What was answered, 0 before.
        problem: The error that was answered, if it was one.
    """

    __slots__ = (
        "_began",
        "_calls",
        "_inner",
        "_more",
        "_routes",
        "_scope",
        "_service",
        "_streams",
        "id",
        "problem",
        "status",
        "trace",
    )

    def __init__(self, scope: Any, inner: Any, service: Service, routes: Routes, name: str) -> None:
        self._scope = scope
        self._routes = routes
        self._inner = inner
        self._service = service
        self._began = time.monotonic()
        self._more: answers.Headers = [(HEADER, name)]
        self._streams = False
        self.id = name
        self.trace: Trace | None = None
        self.status = 0
        self.problem: Failure | None = None
        self._calls: list[int] = []

    def add(self, headers: answers.Headers) -> None:
        """Let the answer carry `headers`, too."""
        self._more += headers

    def carry(self, call: Call) -> bytes:
        """Learn of a call of this request; return what its frame says of its trace."""
        self._calls.append(call.id)
        ids, trace = self._service.ids, self.trace
        ids.named[call.id] = self.id
        if trace is None:
            return b""
        ids.traces[call.id] = trace.place.trace
        return trace.below(call).fields

    def refuse(self, problem: Failure, headers: answers.Headers) -> None:
        """Answer a request that does not come through."""
        self._service.answered(problem.status, self._began)
        self._service.metrics.failed(problem.code)
        self.problem = problem
        shown, body = answers.failure(problem, development=False)
        self.response_bytes(problem.status, [*shown, *headers], body)

    async def until_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the `work` that answers; a stream ends with it, and what nobody waits for."""
        carried.set(self)  # in the context of this task alone
        try:
            await work
        finally:
            if self._streams or not self.status:
                self._over()

    def preflight(self, headers: answers.Headers) -> None:
        """Answer a preflight, whose headers are all that it is about."""
        self.status = 204
        self._inner.response_empty(204, [*headers, (HEADER, self.id)])
        self._over()

    def __call__(self) -> Any:
        """Return what reads the body."""
        return self._inner()

    def __aiter__(self) -> Any:
        """Return the body's pieces."""
        return self._inner.__aiter__()

    def client_disconnect(self) -> Any:
        """Return what waits until the client has gone."""
        return self._inner.client_disconnect()

    def response_empty(self, status: int, headers: answers.Headers) -> None:
        """Answer without a body."""
        self.response_bytes(status, headers, b"")

    def response_str(self, status: int, headers: answers.Headers, body: str) -> None:
        """Answer with text."""
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: answers.Headers, body: bytes) -> None:
        """Answer with bytes."""
        self.status = status
        self._inner.response_bytes(status, [*headers, *self._more], body)
        self._over()

    def response_head(self, status: int, headers: answers.Headers, length: int) -> None:
        """Answer a HEAD."""
        self.status = status
        self._inner.response_head(status, [*headers, *self._more], length)
        self._over()

    def response_stream(self, status: int, headers: answers.Headers) -> Any:
        """Answer piece by piece."""
        self.status = status
        self._streams = True
        return self._inner.response_stream(status, [*headers, *self._more])

    def _over(self) -> None:
        service, scope = self._service, self._scope
        for number in self._calls:
            service.ids.forget(number)
        status = self.status or GONE
        code = self.problem.code if self.problem is not None else ""
        if service.logs.access and not (status == 200 and scope.path in _PROBES):
            seconds = time.monotonic() - self._began
            trace = self.trace.place.trace if self.trace is not None else ""
            service.logs.answered(self.id, trace, scope.method, scope.path, status, code, seconds)
        if self.trace is not None and self.trace.recorded:
            assert service.tracer is not None
            route = self._routes.route_of(scope.method, scope.path)
            record(service.tracer, self.trace, scope, self.id, status, self.problem, route)


class Front:
    """Takes a request before its handler does.

    Args:
        service: What is served.
        routes: Says which scope a handler wants.
        origins: What web pages may do, None when nothing has to be looked at.
        tokens: Who may call, None when everybody may.
    """

    def __init__(
        self, service: Service, routes: Routes, origins: Origins | None, tokens: Tokens | None
    ) -> None:
        self._service = service
        self._routes = routes
        self._origins = origins
        self._tokens = tokens

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do but to give requests their ids."""
        service = self._service
        watches = service.logs.access or service.tracer is not None
        return self._origins is None and self._tokens is None and not watches

    def handle(self, scope: Any, proto: Any, handler: Handler) -> Coroutine[Any, Any, None] | None:
        """Answer a request, or return what `handler` will answer it with."""
        headers = scope.headers
        name = given(headers.get(HEADER)) or self._service.ids.new()
        watched = Watched(scope, proto, self._service, self._routes, name)
        tracer, parent = self._service.tracer, read(headers)
        watched.trace = tracer.begin(parent) if tracer is not None else passed(parent)
        if watched.trace is not None and watched.trace.recorded:
            watched.add([(RESPONSE, watched.trace.place.parent)])
        if not self._admits(scope, headers, handler, watched):
            return None
        before = carried.set(watched)
        try:
            work = handler(scope, watched)
        finally:
            carried.reset(before)
        return None if work is None else watched.until_end(work)

    def _admits(self, scope: Any, headers: Any, handler: Handler, watched: Watched) -> bool:
        """Tell whether a request may go on; else it is answered."""
        origins = self._origins
        try:
            if origins is not None:
                watched.add(origins.answer(headers))
                origins.check(headers)
                methods = self._routes.allowed(scope.path)
                answer = origins.preflight(scope, headers, methods)
                if answer is not None:
                    watched.preflight(answer)
                    return False
            if self._tokens is not None and (wanted := self._routes.scope_of(handler)):
                self._tokens.check(headers.get("authorization"), wanted)
        except Failure as problem:
            shown = [("www-authenticate", _challenge(problem))] if problem.status == 401 else []
            watched.refuse(problem, shown)
            return False
        return True


def _challenge(problem: Failure) -> str:
    """Return the WWW-Authenticate of a refusal (RFC 6750, section 3)."""
    if problem.code == "token_required":
        return 'Bearer realm="algo"'
    return f'Bearer realm="algo", error="invalid_token", error_description="{problem.message}"'
