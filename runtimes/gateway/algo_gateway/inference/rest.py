"""The Open Inference Protocol v2 over HTTP."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.calls.aside import aside
from algo_gateway.calls.call import Failure
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.inference.model import VERSION, Caller
from algo_gateway.inference.paths import MODELS
from algo_gateway.inference.request import LENGTH_HEADER, answer, parse

if TYPE_CHECKING:
    from algo_gateway.http.service import Service
    from algo_gateway.inference.model import Model

Headers = list[tuple[str, str]]
JSON: Headers = [("content-type", "application/json")]


class Rest:
    """Answers below `/v2`."""

    def __init__(self, service: Service, model: Model) -> None:
        self._service = service
        self._model = model

    async def server(self, scope: Any, proto: Any) -> None:
        """Answer what the server is."""
        _answer(proto, 200, self._model.server())

    async def live(self, scope: Any, proto: Any) -> None:
        """Answer that the gateway is alive."""
        _answer(proto, 200, {"live": True})

    async def ready(self, scope: Any, proto: Any) -> None:
        """Answer whether a call would be answered."""
        ready = self._model.ready
        _answer(proto, 200 if ready else 503, {"ready": ready})

    async def model_ready(self, scope: Any, proto: Any) -> None:
        """Answer the same of the model."""
        ready = self._model.ready
        _answer(proto, 200 if ready else 503, {"name": self._model.name, "ready": ready})

    async def metadata(self, scope: Any, proto: Any) -> None:
        """Answer which tensors the model takes and gives."""
        try:
            _answer(proto, 200, self._model.metadata())
        except Failure as problem:
            self._refuse(proto, problem, time.monotonic())

    async def stats(self, scope: Any, proto: Any) -> None:
        """Answer what was inferred."""
        statistics = self._model.statistics.document(self._model.name, VERSION)
        _answer(proto, 200, {"model_stats": [statistics]})

    async def index(self, scope: Any, proto: Any) -> None:
        """Answer which models there are."""
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
        _answer(proto, 200, document)

    async def unknown(self, scope: Any, proto: Any) -> None:
        """Answer that there is no such model, or no such page of it."""
        path, name = scope.path[len(MODELS) :], self._model.name
        if path.startswith(f"{name}/"):
            page = path.removeprefix(f"{name}/")
            problem = Failure(404, "not_found", f"the model {name} has no {page!r} here")
        else:
            what = f"there is no model at {path!r}: it is {name}"
            problem = Failure(404, "unknown_model", what)
        self._refuse(proto, problem, time.monotonic())

    async def unsupported(self, scope: Any, proto: Any) -> None:
        """Answer that this part of the protocol, or of Triton's extensions, is not here.

        Clients of the protocol take an error that is text, and no other.
        """
        what = f"there is nothing at {scope.path}"
        if scope.path.startswith("/v2/repository/"):
            what = f"this server has one model, {self._model.name}, which is always loaded"
        self._refuse(proto, Failure(404, "not_found", what), time.monotonic())

    async def infer(self, scope: Any, proto: Any) -> None:
        """Answer with what the algorithm makes of tensors."""
        began = time.monotonic()
        service, headers = self._service, scope.headers
        try:
            body = await service.body(scope.headers, proto)
            request = await aside(len(body), parse, body, headers.get(LENGTH_HEADER))
            del body  # large tensors are held once, by the request
            caller = Caller(
                scope.client.rpartition(":")[0],
                client_timeout(headers),
                proto.client_disconnect,
            )
            tensors = await self._model.infer(request, caller)
            size = 8 * sum(tensor.count for tensor in tensors)
            answered, document = await aside(size, answer, request, tensors, *_asked(scope.path))
        except Failure as problem:
            self._refuse(proto, problem, began)
            return
        except asyncio.CancelledError:
            return  # the client went away
        service.answered(200, began)
        proto.response_bytes(200, answered, document)

    def _refuse(self, proto: Any, problem: Failure, began: float) -> None:
        self._service.answered(problem.status, began)
        self._service.metrics.failed(problem.code)
        proto.problem = problem
        text = f"{problem.message}: {problem.hint}" if problem.hint else problem.message
        headers = JSON
        if problem.retry_after:
            headers = [*JSON, ("retry-after", str(problem.retry_after))]
        document = {"error": text, "code": problem.code}
        proto.response_bytes(problem.status, headers, msgspec.json.encode(document))


def _answer(proto: Any, status: int, document: Any) -> None:
    proto.response_bytes(status, JSON, msgspec.json.encode(document))


class _Index(msgspec.Struct):
    ready: bool = False


def _asked(path: str) -> tuple[str, str]:
    """Return the model's name and version as the path of an `infer` has them."""
    name, _, version = path[len(MODELS) : -len("/infer")].partition("/versions/")
    return name, version or VERSION
