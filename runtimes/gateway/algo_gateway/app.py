"""The HTTP side, an RSGI application: routes, limits, answers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway import answers
from algo_gateway.calls import Call, Failure, Result, Stream
from algo_gateway.openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from algo_gateway.config import Description
    from algo_gateway.logs import Logs
    from algo_gateway.metrics import Metrics
    from algo_gateway.pool import Pool

SERVER_ERROR = 500
# What `algo run` and `algo test` call themselves.
OURS = "algo/"
_CALLS = frozenset({"/", "/invoke"})
TEXT: answers.Headers = [("content-type", "text/plain; charset=utf-8")]


class App:
    """Answers HTTP for one algorithm."""

    def __init__(
        self,
        description: Description,
        pool: Pool,
        metrics: Metrics,
        logs: Logs,
        *,
        development: bool,
    ) -> None:
        self._description = description
        self._pool = pool
        self._metrics = metrics
        self._logs = logs
        self._development = development
        self._timeout = description.serving.timeout
        self._max_body = description.serving.max_body
        self._algorithmia = f"/v1/algo/{description.name}"
        self._pages: dict[str, Callable[[], tuple[int, answers.Headers, bytes]]] = {
            "/": self._root,
            "/healthz": lambda: (200, TEXT, b"ok\n"),
            "/readyz": self._readyz,
            "/metrics": self._metrics_page,
            "/openapi.json": self._openapi,
        }

    def __rsgi__(self, scope: Any, proto: Any) -> Coroutine[Any, Any, None]:
        """Return what answers one request (RSGI 1.5)."""
        if scope.method == "POST":
            path = scope.path
            if path in _CALLS:
                return self._invoke(scope, proto, plain=True)
            if self._is_algorithmia(path):
                return self._invoke(scope, proto, plain=False)
        return self._other(scope, proto)

    async def _other(self, scope: Any, proto: Any) -> None:
        path = scope.path
        if scope.method in {"GET", "HEAD"} and path in self._pages:
            status, headers, body = self._pages[path]()
            proto.response_bytes(status, headers, b"" if scope.method == "HEAD" else body)
            return
        self._unknown(scope, proto)

    def _is_algorithmia(self, path: str) -> bool:
        own = self._algorithmia
        if path == own:
            return True
        return path.startswith(own + "/") and "/" not in path[len(own) + 1 :]

    async def _invoke(self, scope: Any, proto: Any, *, plain: bool) -> None:
        began = time.monotonic()
        call: Call | None = None
        try:
            length = scope.headers.get("content-length")
            if length is not None and length.isdigit() and int(length) <= self._max_body:
                body = await proto()
            else:
                body = await self._body(length, proto)
            if self._pool.failed is not None and not self._pool.workers:
                raise self._not_loaded()
            kind = scope.headers.get("content-type") or "application/json"
            call = self._pool.queue.submit(kind, body, self._timeout, proto.client_disconnect)
            try:
                result = await call.future
            finally:
                if call.watch is not None:
                    call.watch.cancel()
        except Failure as problem:
            self._metrics.answered(problem.status, time.monotonic() - began)
            if call is not None:
                self._log(problem, call, scope)
            headers, document = answers.failure(problem, development=self._development)
            proto.response_bytes(problem.status, headers, document)
            return
        except asyncio.CancelledError:
            return  # the client went away
        if isinstance(result, Stream):
            try:
                await self._stream(call, result, scope, proto, began)
            finally:
                if not call.settled:
                    self._pool.queue.drop(call)  # the client left, or reads no more
            return
        seconds = time.monotonic() - began
        self._metrics.answered(200, seconds)
        if plain:
            proto.response_bytes(200, [("content-type", result.content_type)], result.body)
        else:
            proto.response_bytes(200, answers.JSON, answers.algorithmia(result, seconds))

    async def _body(self, length: str | None, proto: Any) -> bytes:
        """Read a body of no or no good length, or refuse it before it is read."""
        if length is not None:
            if not length.isdigit():
                raise Failure(400, "bad_length", "Content-Length is no number")
            raise self._too_big()
        pieces = bytearray()
        async for piece in proto:
            pieces += piece
            if len(pieces) > self._max_body:
                raise self._too_big()
        return bytes(pieces)

    async def _stream(
        self, call: Call, stream: Stream, scope: Any, proto: Any, began: float
    ) -> None:
        """Send pieces as they come: server-sent events when asked for, else JSON lines."""
        events = "text/event-stream" in (scope.headers.get("accept") or "")
        status = 200
        transport: Any = None
        try:
            while (piece := await stream.next()) is not None:
                if transport is None:
                    kind = "text/event-stream" if events else _stream_type(piece.content_type)
                    transport = proto.response_stream(200, [("content-type", kind)])
                await transport.send_bytes(_piece(piece, events=events))
        except Failure as problem:
            status = problem.status
            self._log(problem, call, scope)
            headers, body = answers.failure(problem, development=self._development)
            if transport is None:
                proto.response_bytes(status, headers, body)
            else:
                end = b"event: error\ndata: " + body + b"\n\n" if events else body + b"\n"
                await transport.send_bytes(end)
        if transport is None and status == 200:
            kind = "text/event-stream" if events else "application/jsonl"
            proto.response_bytes(200, [("content-type", kind)], b"")
        self._metrics.answered(status, time.monotonic() - began)

    def _log(self, problem: Failure, call: Call, scope: Any) -> None:
        """Log a fault of ours or the algorithm's, unless the caller shows it on this terminal."""
        shown = self._development and (scope.headers.get("user-agent") or "").startswith(OURS)
        if problem.status >= SERVER_ERROR and not shown:
            self._logs.failed(problem, call.id)

    def _unknown(self, scope: Any, proto: Any) -> None:
        known = {*self._pages, "/invoke"}
        if scope.path in known or self._is_algorithmia(scope.path):
            allowed = ["GET"] if scope.path in self._pages else []
            allowed += ["POST"] if scope.path not in self._pages or scope.path == "/" else []
            problem = Failure(405, "method_not_allowed", f"{scope.path} takes no {scope.method}")
            headers, body = answers.failure(problem, development=False)
            headers = [*headers, ("allow", ", ".join(allowed))]
        else:
            problem = Failure(404, "not_found", f"there is nothing at {scope.path}")
            headers, body = answers.failure(problem, development=False)
        self._metrics.answered(problem.status, 0.0)
        proto.response_bytes(problem.status, headers, body)

    def _not_loaded(self) -> Failure:
        reply = self._pool.failed
        assert reply is not None
        message = f"the algorithm is not loaded: {reply.error}: {reply.message}"
        return Failure(503, "not_loaded", message, stacktrace=reply.stacktrace, error=reply.error)

    def _too_big(self) -> Failure:
        message = f"the body is over {self._max_body} bytes"
        hint = "set max-body under [serving] in algo.toml"
        return Failure(413, "body_too_large", message, hint=hint)

    def _root(self) -> tuple[int, answers.Headers, bytes]:
        text = f"{self._description.name}\n\nPOST /              call it\n"
        text += "POST /invoke        the same\n"
        text += f"POST {self._algorithmia}  in Algorithmia's shape\n"
        text += "GET /openapi.json   what it takes and answers\n"
        text += "GET /healthz, /readyz, /metrics\n"
        return 200, TEXT, text.encode()

    def _readyz(self) -> tuple[int, answers.Headers, bytes]:
        if self._pool.ready:
            return 200, TEXT, b"ready\n"
        return 503, TEXT, b"not ready\n"

    def _metrics_page(self) -> tuple[int, answers.Headers, bytes]:
        headers = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        return 200, headers, self._metrics.text(self._pool).encode()

    def _openapi(self) -> tuple[int, answers.Headers, bytes]:
        return (
            200,
            answers.JSON,
            msgspec.json.encode(document(self._description, self._pool.schema)),
        )


def _stream_type(kind: str) -> str:
    return "application/jsonl" if kind.startswith("application/json") else kind


def _piece(piece: Result, *, events: bool) -> bytes:
    if events:
        lines = piece.body.split(b"\n")
        return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    return piece.body + b"\n" if piece.content_type == "application/json" else piece.body
