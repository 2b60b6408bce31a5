"""The Open Inference Protocol v2 over gRPC, and gRPC's health service."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from algo_gateway.calls.call import Failure
from algo_gateway.inference import messages
from algo_gateway.inference.conversion import filled, request_of, response
from algo_gateway.inference.followed import Followed
from algo_gateway.inference.model import VERSION, Caller, Model
from algo_gateway.observe.ids import HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from algo_gateway.http.service import Service

    Check = Callable[[str | None], object]
    Answer = Callable[[Any, Any], Coroutine[Any, Any, Any]]

# What a message has around its tensors.
_ENVELOPE = 1 << 16
# Requests beyond those that wait or are answered: probes, metadata, streams that pause.
_SPARE = 64
_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    # A call that ends its worker must not be tried again by itself, as UNAVAILABLE is.
    502: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
# An answer that nobody got: the client had gone.
GONE = 499
_FINAL = "triton_final_response"
_WANTS_FINAL = "triton_enable_empty_final_response"


class Rpc:
    """A gRPC server on a port of its own.

    Args:
        service: The algorithm.
        model: The same, as a model.
        check: Lets through a value of `authorization`, None when everybody may call.
    """

    def __init__(self, service: Service, model: Model, check: Check | None = None) -> None:
        self._service = service
        self._model = model
        self._check = check
        self._messages = messages.classes()
        self._server: Any = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port, which 0 leaves open.

        Raises:
            OSError: Something else listens there.
        """
        serving = self._service.pool.serving
        most = serving.max_body + _ENVELOPE
        places = serving.queue + serving.workers * serving.concurrency
        self._server = grpc.aio.server(
            # A message is in memory before it is looked at: no more of them than can wait.
            maximum_concurrent_rpcs=places + _SPARE,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", most),
                ("grpc.max_send_message_length", -1),
            ],
        )
        self._server.add_generic_rpc_handlers(self._handlers())
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = int(self._server.add_insecure_port(address))
        except RuntimeError:
            bound = 0
        if not bound:
            raise OSError(f"the gRPC port {port} of {host} is taken")
        await self._server.start()
        return bound

    async def stop(self, grace: float) -> None:
        """Take no more calls; those in flight get `grace` seconds."""
        await self._server.stop(grace)

    def _handlers(self) -> tuple[Any, Any]:
        model, answers = self._model, {}

        def page(name: str, document: Callable[[Any], dict[str, Any]]) -> None:
            async def answer(request: Any, context: Any) -> Any:
                return filled(self._messages[f"{name}Response"](), document(request))

            open_to_all = name.startswith("Server")
            answers[name] = self._unary(name, self._guarded(name, answer, open_to_all=open_to_all))

        page("ServerLive", lambda _: {"live": True})
        page("ServerReady", lambda _: {"ready": model.ready})
        page("ModelReady", lambda asked: {"ready": asked.name in model.names and model.ready})
        page("ServerMetadata", lambda _: model.server())
        page("ModelMetadata", lambda asked: self._ours(asked.name).metadata())
        page("ModelStatistics", self._statistics)
        page("RepositoryIndex", lambda asked: {"models": model.index(ready=asked.ready)})
        answers["ModelInfer"] = self._unary("ModelInfer", self._guarded("ModelInfer", self._infer))
        answers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self._stream,
            self._messages["ModelInferRequest"].FromString,
            self._messages["ModelStreamInferResponse"].SerializeToString,
        )
        check = self._guarded("Check", self._health, messages.HEALTH_SERVICE, open_to_all=True)
        health = {"Check": self._unary("HealthCheck", check)}
        return (
            grpc.method_handlers_generic_handler(messages.INFERENCE_SERVICE, answers),
            grpc.method_handlers_generic_handler(messages.HEALTH_SERVICE, health),
        )

    def _unary(self, name: str, answer: Answer) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            answer,
            self._messages[f"{name}Request"].FromString,
            self._messages[f"{name}Response"].SerializeToString,
        )

    def _guarded(
        self,
        method: str,
        answer: Answer,
        service: str = messages.INFERENCE_SERVICE,
        *,
        open_to_all: bool = False,
    ) -> Answer:
        """Return `answer` for those who may call it; a failure becomes a status of gRPC."""

        async def guarded(request: Any, context: Any) -> Any:
            followed = Followed(self._service, f"/{service}/{method}", context)
            began, problem = time.monotonic(), None
            try:
                await self._admit(followed, context, open_to_all=open_to_all)
                return await answer(request, context)
            except Failure as failure:
                problem = failure
                await _abort(context, failure)
            except asyncio.CancelledError:
                problem = Failure(GONE, "cancelled", "the client has gone")
                raise
            finally:
                followed.settled(200 if problem is None else problem.status, problem, began)
                followed.over(_status(problem).value[0], problem)

        return guarded

    async def _admit(self, followed: Followed, context: Any, *, open_to_all: bool) -> None:
        await context.send_initial_metadata(((HEADER, followed.id),))
        if self._check is not None and not open_to_all:
            self._check(followed.headers.get("authorization"))

    async def _infer(self, message: Any, context: Any) -> Any:
        self._ours(message.model_name)
        tensors = await self._model.infer(request_of(message), _caller(context))
        return response(self._messages, message, tensors)

    async def _stream(self, incoming: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Answer the requests of a stream in their order, each with one or more responses."""
        path = f"/{messages.INFERENCE_SERVICE}/ModelStreamInfer"
        followed, problem = Followed(self._service, path, context), None
        try:
            await self._admit(followed, context, open_to_all=False)
            async for message in incoming:
                async for answered in self._streamed(message, context, followed):
                    yield answered
        except Failure as failure:
            problem = failure
            await _abort(context, failure)
        finally:
            followed.over(_status(problem).value[0], problem)

    async def _streamed(self, message: Any, context: Any, followed: Followed) -> AsyncIterator[Any]:
        """Yield the responses to one request of a stream; a failure is the last of them."""
        answer = self._messages["ModelStreamInferResponse"]
        began, problem = time.monotonic(), None
        try:
            self._ours(message.model_name)
            request = request_of(message)
            async for tensors in self._model.stream(request, _caller(context)):
                yield answer(infer_response=response(self._messages, message, tensors))
            if request.parameters.get(_WANTS_FINAL):
                last = response(self._messages, message, ())
                last.parameters[_FINAL].bool_param = True
                yield answer(infer_response=last)
        except Failure as failure:
            problem = failure
            failed = response(self._messages, message, ())
            yield answer(error_message=_text(failure), infer_response=failed)
        finally:
            followed.settled(200 if problem is None else problem.status, problem, began)

    async def _health(self, request: Any, context: Any) -> Any:
        if request.service not in {"", messages.INFERENCE_SERVICE, *self._model.names}:
            raise Failure(404, "unknown_service", f"there is no service {request.service!r}")
        status = messages.SERVING if self._model.ready else messages.NOT_SERVING
        return self._messages["HealthCheckResponse"](status=status)

    def _statistics(self, asked: Any) -> dict[str, Any]:
        if asked.name:
            self._ours(asked.name)
        return {"model_stats": [self._model.statistics.document(self._model.name, VERSION)]}

    def _ours(self, name: str) -> Model:
        self._model.require(name)
        return self._model


def _caller(context: Any) -> Caller:
    address = context.peer().partition(":")[2].rpartition(":")[0]
    # A client that goes cancels the task that waits for the call.
    return Caller(address, context.time_remaining(), asyncio.Event().wait)


async def _abort(context: Any, problem: Failure) -> None:
    more = [("algo-code", problem.code)]
    if problem.retry_after:
        more.append(("retry-after", str(problem.retry_after)))
    await context.abort(_status(problem), _text(problem), tuple(more))


def _status(problem: Failure | None) -> Any:
    if problem is None:
        return grpc.StatusCode.OK
    return _STATUS.get(problem.status, grpc.StatusCode.INTERNAL)


def _text(problem: Failure) -> str:
    return f"{problem.message}: {problem.hint}" if problem.hint else problem.message
