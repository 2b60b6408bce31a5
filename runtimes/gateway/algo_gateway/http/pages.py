"""The pages that say how the service is: health, readiness, metrics, the interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.access.tokens import ADMIN, CALL
from algo_gateway.http import answers
from algo_gateway.http.openapi import document
from algo_gateway.http.playground import Playground, wants_page
from algo_gateway.observe.exposition import OPEN, PLAIN, accepts_open
from algo_gateway.observe.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo_gateway.http.openapi import Interface, Part
    from algo_gateway.http.routes import Handler, Routes
    from algo_gateway.http.service import Service

TEXT: answers.Headers = [("content-type", "text/plain; charset=utf-8")]
Page = tuple[int, answers.Headers, bytes]


class Pages:
    """Answers `GET` and `HEAD`."""

    def __init__(
        self, service: Service, parts: Sequence[Part], guarded: Routes | None = None
    ) -> None:
        self._service = service
        self._figures = Figures(service.description, service.pool, service.metrics, service.logs)
        self._parts = parts
        self._guarded = guarded
        self._playground = Playground()

    def register(self, routes: Routes) -> None:
        """Add the pages to `routes`."""
        pages = {
            "/healthz": (lambda: (200, TEXT, b"ok\n"), ""),
            "/readyz": (self._readyz, ""),
            "/openapi.json": (self._openapi, CALL),
        }
        for path, (page, scope) in pages.items():
            routes.add("GET HEAD", path, _handler(page), scope)
        routes.add("GET HEAD", "/metrics", self.metrics, ADMIN)
        routes.add("GET HEAD", "/", self.root, "")
        self._playground.register(routes)

    def describe(self, interface: Interface) -> None:
        """Add the pages to the document."""
        text = {"description": "Yes.", "content": {"text/plain": {"schema": {"type": "string"}}}}
        json = {"application/json": {"schema": {"type": "object"}}}
        no = {**text, "description": "No."}
        add = interface.add
        kinds = {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "text/html")}
        listed = {"description": "A list, or the playground.", "content": kinds}
        add("GET HEAD", "/", "root", _page("What is here", listed))
        add("GET HEAD", "/healthz", "healthz", _page("Is the gateway alive?", text))
        add("GET HEAD", "/readyz", "readyz", _page("Would a call be answered?", text, no))
        add("GET HEAD", "/metrics", "metrics", _page("Figures, for Prometheus", text))
        described = {"description": "This document.", "content": json}
        add("GET HEAD", "/openapi.json", "openapi", _page("This document", described))

    async def root(self, scope: Any, proto: Any) -> None:
        """Answer a browser with the playground, anybody else with a list in text."""
        if wants_page(scope.headers.get("accept") or ""):
            self._playground.page(scope, proto)
            return
        body = b"" if scope.method == "HEAD" else self._list()
        proto.response_bytes(200, [*TEXT, ("vary", "accept")], body)

    def _list(self) -> bytes:
        name = self._service.description.name
        text = f"{name}\n\nPOST /              call it\n"
        text += "POST /invoke        the same\n"
        text += f"POST /v1/algo/{name}  in Algorithmia's shape\n"
        text += "GET, POST /v2/…     the Open Inference Protocol\n"
        text += "GET /openapi.json   what it takes and answers\n"
        text += "GET /healthz, /readyz, /metrics\n"
        text += "GET / in a browser  the playground\n"
        return text.encode()

    def _readyz(self) -> Page:
        if self._service.pool.ready:
            return 200, TEXT, b"ready\n"
        return 503, TEXT, b"not ready\n"

    async def metrics(self, scope: Any, proto: Any) -> None:
        """Answer with the figures, in the format that is asked for."""
        openmetrics = accepts_open(scope.headers.get("accept") or "")
        body = await self._figures.text(openmetrics=openmetrics)
        kind = OPEN if openmetrics else PLAIN
        headers = [("content-type", kind), ("vary", "accept")]
        proto.response_bytes(200, headers, b"" if scope.method == "HEAD" else body)

    def _openapi(self) -> Page:
        service = self._service
        described = document(service.description, service.pool.sides, self._parts, self._guarded)
        return 200, answers.JSON, msgspec.json.encode(described)


def _page(summary: str, yes: dict[str, Any], no: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": yes} | ({"503": no} if no else {})}


def _handler(page: Callable[[], Page]) -> Handler:
    async def handle(scope: Any, proto: Any) -> None:
        status, headers, body = page()
        proto.response_bytes(status, headers, b"" if scope.method == "HEAD" else body)

    return handle
