"""One gRPC request on its way: its id, its trace, and what is written down when it is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.carried import carried
from algo_gateway.observe.ids import HEADER, given
from algo_gateway.tracing.context import read
from algo_gateway.tracing.tracer import passed

if TYPE_CHECKING:
    from algo_gateway.calls.call import Call, Failure
    from algo_gateway.http.service import Service

SERVER_ERROR = 500


class Followed:
    """What `Watched` is to a request over HTTP.

    Args:
        service: The algorithm.
        path: `/SERVICE/METHOD`.
        context: gRPC's, of the request.
    """

    def __init__(self, service: Service, path: str, context: Any) -> None:
        self._service = service
        self._path = path
        self._began = time.monotonic()
        self._calls: list[int] = []
        metadata = context.invocation_metadata() or ()
        self.headers = {key: value for key, value in metadata if isinstance(value, str)}
        self.client = context.peer().partition(":")[2].rpartition(":")[0]
        self.id = given(self.headers.get(HEADER)) or service.ids.new()
        tracer, parent = service.tracer, read(self.headers)
        self.trace = tracer.begin(parent) if tracer is not None else passed(parent)
        carried.set(self)  # in the context of this request's task alone

    def carry(self, call: Call) -> bytes:
        """Learn of a call of this request; return what its frame says of its trace."""
        self._calls.append(call.id)
        ids, trace = self._service.ids, self.trace
        ids.named[call.id] = self.id
        if trace is None:
            return b""
        ids.traces[call.id] = trace.place.trace
        return trace.below(call).fields

    def settled(self, status: int, problem: Failure | None, began: float) -> None:
        """Count the answer to a message that came at `began` of `time.monotonic`."""
        self._service.answered(status, began)
        if problem is not None:
            self._service.metrics.failed(problem.code)
        while self._calls:
            self._service.ids.forget(self._calls.pop())

    def over(self, number: int, problem: Failure | None) -> None:
        """Write down how the request ended.

        Args:
            number: The status of gRPC.
            problem: The error that was answered, if it was one.
        """
        service, trace = self._service, self.trace
        status = 200 if problem is None else problem.status
        code = "" if problem is None else problem.code
        if service.logs.access:
            name = trace.place.trace if trace is not None else ""
            seconds = time.monotonic() - self._began
            service.logs.answered(self.id, name, "POST", self._path, status, code, seconds)
        if trace is None or not trace.recorded or service.tracer is None:
            return
        _, service_name, method = self._path.split("/")
        attributes: dict[str, Any] = {
            "rpc.system": "grpc",
            "rpc.service": service_name,
            "rpc.method": method,
            "rpc.grpc.status_code": number,
            "client.address": self.client,
            "algo.request.id": self.id,
        }
        error, stacktrace = None, ""
        if problem is not None:
            attributes["error.type"] = code
            if status >= SERVER_ERROR:
                error, stacktrace = problem.message, problem.stacktrace
        title = self._path[1:]
        service.tracer.end(trace, title, attributes, error=error, stacktrace=stacktrace)
