"""What the span of a request says, by OpenTelemetry's conventions for HTTP servers (1.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_gateway.calls.call import Failure
    from algo_gateway.tracing.span import Attribute
    from algo_gateway.tracing.tracer import Trace, Tracer

SERVER_ERROR = 500
_LONGEST = 256


def record(
    tracer: Tracer,
    trace: Trace,
    scope: Any,
    name: str,
    status: int,
    problem: Failure | None,
    route: str,
) -> None:
    """Make the spans of a request that has its answer.

    Args:
        tracer: Makes them.
        trace: Of the request.
        scope: Of the request.
        name: Its id.
        status: What was answered.
        problem: The error that was answered, if it was one.
        route: The path, or its pattern, as it is routed.
    """
    headers = scope.headers
    attributes: dict[str, Attribute] = {
        "http.request.method": scope.method,
        "http.response.status_code": status,
        "url.path": scope.path,
        "url.scheme": scope.scheme,
        "network.protocol.version": scope.http_version,
        "client.address": scope.client.rpartition(":")[0],
        "algo.request.id": name,
    }
    if route:
        attributes["http.route"] = route
    host, _, port = (headers.get("host") or "").rpartition(":")
    if host and port.isdigit():
        attributes |= {"server.address": host, "server.port": int(port)}
    if agent := headers.get("user-agent"):
        attributes["user_agent.original"] = agent[:_LONGEST]
    length = headers.get("content-length") or ""
    if length.isdigit():
        attributes["http.request.body.size"] = int(length)
    error, stacktrace = None, ""
    if problem is not None:
        attributes["error.type"] = problem.code
        if status >= SERVER_ERROR:
            kind = problem.error or problem.code
            error = f"{kind}: {problem.message.removeprefix(f'{kind}: ')}"
            stacktrace = problem.stacktrace
    title = f"{scope.method} {route}" if route else scope.method
    tracer.end(trace, title, attributes, error=error, stacktrace=stacktrace)
