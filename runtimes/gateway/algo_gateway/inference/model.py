"""The algorithm as a model of the protocol: its names, what it takes, and its inferences."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import algo_gateway
from algo_gateway.calls.aside import aside
from algo_gateway.calls.call import Call, Failure, Stream
from algo_gateway.inference.mapping import body_of, decoded, tensors_of
from algo_gateway.inference.signature import Signature, signature
from algo_gateway.inference.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from algo_gateway.calls.call import Result
    from algo_gateway.http.service import Service
    from algo_gateway.inference.request import Request
    from algo_gateway.inference.signature import Side
    from algo_gateway.inference.tensors import Tensor

# The gateway serves one version, and does not know its number.
VERSION = "1"
EXTENSIONS = ("binary_tensor_data", "model_repository", "parameters", "statistics")
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for an inference.

    Attributes:
        address: The client's.
        timeout: The seconds that it waits, None for as long as we do.
        gone: Waits for it to go.
    """

    address: str
    timeout: float | None
    gone: Callable[[], Awaitable[object]]


class Model:
    """One algorithm, for REST and gRPC.

    Args:
        service: The algorithm that is served.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.name = service.description.name
        self.statistics = Statistics()
        self._known: object = None
        self._signature = Signature()

    @property
    def ready(self) -> bool:
        """Whether a call would be answered."""
        return self._service.pool.ready

    @property
    def names(self) -> tuple[str, str]:
        """`owner/name`, and `name` alone."""
        return self.name, self.name.rpartition("/")[2]

    @property
    def signature(self) -> Signature:
        """The tensors of the code that serves.

        Raises:
            Failure: 500, those of `algorithm.json` have another form.
        """
        pool = self._service.pool
        known = (pool.sides, pool.serving.tensors)
        if known != self._known:
            sides, tensors = known
            try:
                self._signature = signature(sides, tensors.inputs, tensors.outputs)
            except ValueError as error:
                raise Failure(500, "bad_declaration", str(error)) from None
            self._known = known
        return self._signature

    def require(self, name: str) -> None:
        """Refuse the name of another model.

        Raises:
            Failure: 404, it is not ours.
        """
        if name not in self.names:
            raise Failure(404, "unknown_model", f"there is no model {name!r}: it is {self.name}")

    def server(self) -> dict[str, Any]:
        """Return the server's metadata."""
        version = algo_gateway.__version__
        return {"name": "algo", "version": version, "extensions": list(EXTENSIONS)}

    def metadata(self) -> dict[str, Any]:
        """Return the model's metadata; no tensors where nothing is known of them."""
        found = self.signature
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": f"algo_{self._service.description.language}",
            "inputs": _described(found.input),
            "outputs": _described(found.output),
        }

    def index(self, *, ready: bool = False) -> list[dict[str, str]]:
        """Return the models of the repository; with `ready` only those that are."""
        state = "READY" if self.ready else "UNAVAILABLE"
        model = {"name": self.name, "version": VERSION, "state": state, "reason": ""}
        return [] if ready and not self.ready else [model]

    async def infer(self, request: Request, caller: Caller) -> list[Tensor]:
        """Return the outputs of one request; what a generator yields makes one list.

        Args:
            request: What the client sent.
            caller: Who waits for it.

        Raises:
            Failure: The request is none, or the call had no result.
            CancelledError: The client went away.
        """
        began = time.monotonic()
        call: Call | None = None
        try:
            side = self.signature.output
            call = await self._submit(request, caller)
            submitted = time.monotonic()
            result = await self._settled(call)
            if isinstance(result, Stream):
                value: Any = [piece async for piece in self._pieces(call, result)]
                received = time.monotonic()
                tensors = tensors_of(value, side, request.asked)
            else:
                received = time.monotonic()
                tensors = await aside(len(result.body), _outputs, result, side, request.asked)
        except Failure as problem:
            self._failed(problem, call, began)
            raise
        self.statistics.succeeded(
            submitted - began, *_parts(call, submitted, received), time.monotonic() - received
        )
        return tensors

    async def stream(self, request: Request, caller: Caller) -> AsyncIterator[list[Tensor]]:
        """Yield the outputs of one request, one for each piece that a generator yields.

        Raises:
            Failure: The request is none, or the call had no result.
        """
        began = time.monotonic()
        call: Call | None = None
        try:
            side = self.signature.output
            call = await self._submit(request, caller)
            result = await self._settled(call)
            if isinstance(result, Stream):
                async for piece in self._pieces(call, result):
                    yield tensors_of(piece, side, request.asked)
            else:
                yield await aside(len(result.body), _outputs, result, side, request.asked)
        except Failure as problem:
            self._failed(problem, call, began)
            raise
        self.statistics.succeeded(0.0, *_parts(call, began, time.monotonic()), 0.0)

    async def _submit(self, request: Request, caller: Caller) -> Call:
        size = 8 * sum(tensor.count for tensor in request.tensors)
        kind, body = await aside(size, body_of, request.tensors, self.signature.input)
        await self._service.check(kind, body)
        request.tensors.clear()  # the body has them now; twice 100 MB is too much to hold
        asked = [one for one in (caller.timeout, request.timeout) if one is not None]
        timeout = min(asked) if asked else None
        call = self._service.submit(kind, body, caller.gone, timeout=timeout, client=caller.address)
        return call

    async def _settled(self, call: Call) -> Any:
        try:
            return await call.future
        except asyncio.CancelledError:
            if not call.settled:
                self._service.pool.queue.drop(call)  # the client left
            raise
        finally:
            call.unwatch()

    async def _pieces(self, call: Call, stream: Stream) -> AsyncIterator[Any]:
        try:
            while (piece := await stream.next()) is not None:
                yield decoded(piece)
        finally:
            stream.close()
            if not call.settled:
                self._service.pool.queue.drop(call)  # the client left

    def _failed(self, problem: Failure, call: Call | None, began: float) -> None:
        self.statistics.fail.add(time.monotonic() - began)
        if call is not None and problem.status >= SERVER_ERROR:
            self._service.logs.failed(problem, call.id)


def _outputs(result: Result, side: Side, asked: Sequence[str]) -> list[Tensor]:
    return tensors_of(decoded(result), side, asked)


def _parts(call: Call, submitted: float, received: float) -> tuple[float, float]:
    """Return the seconds that a call waited for a worker, and that it took there."""
    begun = min(max(call.began or submitted, submitted), received)
    return begun - submitted, received - begun


def _described(side: Side) -> list[dict[str, Any]]:
    return [
        {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}
        for spec in side.tensors
        if spec.datatype
    ]
