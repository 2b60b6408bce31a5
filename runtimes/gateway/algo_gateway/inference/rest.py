"""The Open Inference Protocol v2 over HTTP."""

from __future__ import annotations

import asyncio
import time
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.inference.model import VERSION, Caller, Model
from algo_gateway.inference.operations import describe
from algo_gateway.inference.request import LENGTH_HEADER, answer, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Handler, Routes
    from algo_gateway.http.service import Service

Headers = list[tuple[str, str]]
JSON: Headers = [("content-type", "application/json")]
MODELS = "/v2/models/"


class Rest:
    """Answers below `/v2`."""

    def __init__(self, service: Service, model: Model) -> None:
        self._service = service
        self._model = model

    def register(self, routes: Routes) -> None:
        """Add the paths of the protocol."""
        model = self._model
        routes.add("GET", "/v2", self._page(lambda: (200, model.server())))
        routes.add("GET", "/v2/", self._page(lambda: (200, model.server())))
        routes.add("GET", "/v2/health/live", self._page(lambda: (200, {"live": True})), scope="")
        routes.add("GET", "/v2/health/ready", self._page(self._ready), scope="")
        routes.add("POST", "/v2/repository/index", self._index)
        routes.add("GET", "/v2/models/stats", self._page(self._stats))
        for name in model.names:
            for base in (f"{MODELS}{name}", f"{MODELS}{name}/versions/*"):
                routes.add("GET", base, self._page(lambda: (200, model.metadata())))
                routes.add("GET", f"{base}/ready", self._page(self._model_ready))
                routes.add("GET", f"{base}/stats", self._page(self._stats))
                routes.add("POST", f"{base}/infer", self._infer)
        routes.add("GET POST", f"{MODELS}**", self._unknown)

    def describe(self, interface: Interface) -> None:
        """Add the protocol to the document."""
        describe(interface)

    def _page(self, page: Callable[[], tuple[int, Any]]) -> Handler:
        async def handle(scope: Any, proto: Any) -> None:
            try:
                status, document = page()
            except Failure as problem:
                self._refuse(proto, problem, time.monotonic())
                return
            proto.response_bytes(status, JSON, msgspec.json.encode(document))

        return handle

    def _ready(self) -> tuple[int, Any]:
        return (200 if self._model.ready else 503), {"ready": self._model.ready}

    async def _index(self, scope: Any, proto: Any) -> None:
        began = time.monotonic()
        try:
            body = await self._service.body(scope.headers, proto)
            try:
                asked = msgspec.json.decode(body or b"{}", type=_Index)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Failure(400, "bad_request", f"the body has another form: {error}") from None
            document = self._model.index(ready=asked.ready)
        except Failure as problem:
            self._refuse(proto, problem, began)
            return
        proto.response_bytes(200, JSON, msgspec.json.encode(document))

    def _model_ready(self) -> tuple[int, Any]:
        status, document = self._ready()
        return status, {"name": self._model.name, **document}

    def _stats(self) -> tuple[int, Any]:
        statistics = self._model.statistics.document(self._model.name, VERSION)
        return 200, {"model_stats": [statistics]}

    async def _unknown(self, scope: Any, proto: Any) -> None:
        path = scope.path[len(MODELS) :]
        what = f"there is no model at {path!r}: it is {self._model.name}"
        self._refuse(proto, Failure(404, "unknown_model", what), time.monotonic())

    async def _infer(self, scope: Any, proto: Any) -> None:
        began = time.monotonic()
        service, headers = self._service, scope.headers
        try:
            body = await service.body(scope.headers, proto)
            encoding = headers.get("content-encoding")
            if encoding:
                body = _decompressed(body, encoding, service.pool.serving.max_body)
            request = parse(body, headers.get(LENGTH_HEADER))
            caller = Caller(
                scope.client.rpartition(":")[0],
                client_timeout(headers),
                proto.client_disconnect,
                getattr(proto, "became", None),
            )
            tensors = await self._model.infer(request, caller)
            answered, document = answer(request, tensors, *_asked(scope.path))
        except Failure as problem:
            self._refuse(proto, problem, began)
            return
        except asyncio.CancelledError:
            return  # the client went away
        service.answered(200, began)
        proto.response_bytes(200, answered, document)

    def _refuse(self, proto: Any, problem: Failure, began: float) -> None:
        self._service.answered(problem.status, began)
        proto.problem = problem
        text = f"{problem.message}: {problem.hint}" if problem.hint else problem.message
        headers = JSON
        if problem.retry_after:
            headers = [*JSON, ("retry-after", str(problem.retry_after))]
        document = {"error": text, "code": problem.code}
        proto.response_bytes(problem.status, headers, msgspec.json.encode(document))


class _Index(msgspec.Struct):
    ready: bool = False


def _asked(path: str) -> tuple[str, str]:
    """Return the model's name and version as the path of an `infer` has them."""
    name, _, version = path[len(MODELS) : -len("/infer")].partition("/versions/")
    return name, version or VERSION


def _decompressed(body: bytes, encoding: str, most: int) -> bytes:
    """Return a body that came as `gzip` or `deflate`, which Triton's clients can send.

    Raises:
        Failure: It is neither, or over the limit.
    """
    if encoding not in {"gzip", "deflate"}:
        raise Failure(415, "unknown_encoding", f"there is no content encoding {encoding!r}")
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        whole = machine.decompress(body, most + 1)
    except zlib.error as error:
        raise Failure(400, "bad_encoding", f"the body is no {encoding}: {error}") from None
    if len(whole) > most:
        raise Failure(413, "body_too_large", f"the body is over {most} bytes")
    if not machine.eof:
        raise Failure(400, "bad_encoding", f"the body is no {encoding}: its end is missing")
    return whole
