"""The HTTP side, an RSGI application: it finds who answers a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.http import answers
from algo_gateway.http.algorithmia import Algorithmia
from algo_gateway.http.front import Front
from algo_gateway.http.invoke import Invoke
from algo_gateway.http.pages import Pages
from algo_gateway.http.routes import Routes
from algo_gateway.observe.ids import HEADER
from algo_gateway.tracing.context import PARENT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from algo_gateway.access.origins import Origins
    from algo_gateway.access.tokens import Tokens
    from algo_gateway.http.jobs import JobPages
    from algo_gateway.http.openapi import Part
    from algo_gateway.http.routes import Handler
    from algo_gateway.http.service import Service
    from algo_gateway.inference.paths import Inference


class App:
    """Answers HTTP for one algorithm.

    Args:
        service: The algorithm.
        inference: The same, for the Open Inference Protocol.
        jobs: Calls that outlive their request.
        origins: What web pages may do, None when nothing has to be looked at.
        tokens: Who may call, None when everybody may.
    """

    def __init__(
        self,
        service: Service,
        inference: Inference,
        jobs: JobPages,
        origins: Origins | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._service = service
        self._routes: Routes = Routes()
        invoke = Invoke(service, jobs)
        old = self.algorithmia = Algorithmia(service, jobs)
        parts: list[Part] = [invoke, old, inference, jobs]
        parts.append(Pages(service, parts, None if tokens is None else self._routes))
        for part in parts:
            part.register(self._routes)
        self._successor: Handler | None = None
        self._front = Front(service, self._routes, origins, tokens)
        # The hottest way: these give an answer its id by themselves.
        self._direct: frozenset[Handler] = (
            frozenset({invoke.plain, old.call}) if self._front.idle else frozenset()
        )

    def add(self, register: Callable[[Routes], None]) -> None:
        """Let `register` add paths that the document of the interface has not."""
        register(self._routes)

    def give_way(self, handler: Handler) -> None:
        """Let `handler` answer everything from now on."""
        self._routes = _Everywhere(handler)
        self._successor = handler
        self._direct = frozenset({handler})

    def __call__(self, scope: Any, proto: Any) -> Coroutine[Any, Any, None] | None:
        """Answer one request, or return what will (the scope and protocol of RSGI 1.5)."""
        handler = self._routes.find(scope.method, scope.path)
        if handler in self._direct:
            headers = scope.headers
            if (PARENT not in headers and HEADER not in headers) or handler is self._successor:
                return handler(scope, proto)
        return self._front.handle(scope, proto, handler or self._unknown) or _answered()

    async def _unknown(self, scope: Any, proto: Any) -> None:
        allowed = self._routes.allowed(scope.path)
        if allowed:
            problem = Failure(405, "method_not_allowed", f"{scope.path} takes no {scope.method}")
        else:
            problem = Failure(404, "not_found", f"there is nothing at {scope.path}")
        headers, body = answers.failure(problem, development=False)
        if allowed:
            headers = [*headers, ("allow", ", ".join(allowed))]
        self._service.metrics.answered(problem.status, 0.0)
        self._service.metrics.failed(problem.code)
        proto.response_bytes(problem.status, headers, body)


class _Everywhere(Routes):
    """One handler for all there is."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def find(self, method: str, path: str) -> Handler | None:
        """Return the handler."""
        return self._handler


async def _answered() -> None:
    """Do nothing: the request has its answer."""
