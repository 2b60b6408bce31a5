"""Algorithmia's API, so that its clients work when their address is changed."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from algo_gateway.calls.call import Call, Failure, Result, Stream
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.http import answers
from algo_gateway.http.operations import describe_algorithmia

if TYPE_CHECKING:
    from algo_gateway.http.jobs import JobPages
    from algo_gateway.http.openapi import Interface
    from algo_gateway.http.routes import Routes
    from algo_gateway.http.service import Service

# What went wrong with the call itself. The Python client reads why out of a 200 alone: of any
# other answer it says that it is no fault of the algorithm, which these are.
_OF_THE_CALL = frozenset({400, 500, 502, 504})
_JSON = "application/json"


class Options(msgspec.Struct, frozen=True):
    """What a client asks for in the query.

    `timeout` in seconds; `stdout`: the lines that the algorithm prints; `output`: `raw` for the
    result itself, `void` for none.
    """

    timeout: float | None = None
    stdout: bool = False
    output: str = ""


_PLAIN = Options()


class Algorithmia:
    """Answers `POST /v1/algo/OWNER/NAME[/VERSION]`."""

    def __init__(self, service: Service, jobs: JobPages) -> None:
        self._service = service
        self._jobs = jobs

    def register(self, routes: Routes) -> None:
        """Add its paths; what follows the name is a version."""
        own = f"/v1/algo/{self._service.description.name}"
        routes.add("POST", own, self.call)
        routes.add("POST", f"{own}/*", self.call)

    def describe(self, interface: Interface) -> None:
        """Add its paths to the document."""
        describe_algorithmia(interface)

    async def call(self, scope: Any, proto: Any) -> None:
        """Answer in Algorithmia's shape."""
        began = time.monotonic()
        service, headers = self._service, scope.headers
        if headers.get("prefer") is not None and await self._jobs.order(
            scope, headers, proto, "algorithmia"
        ):
            return
        call: Call | None = None
        options = _PLAIN
        try:
            options = _options(scope.query_string) if scope.query_string else _PLAIN
            if options.output == "void":
                await self._void(scope, proto, began)
                return
            body = await service.body(headers, proto)
            kind = headers.get("content-type") or _JSON
            if kind != _JSON or not service.plain:
                kind, body = await service.prepared(kind, body)
            call = service.submit(
                kind,
                body,
                proto.client_disconnect,
                timeout=_shortest(options.timeout, client_timeout(headers)),
                client=scope.client.rpartition(":")[0],
            )
            # What an author prints is not for everybody who may call his algorithm.
            printed = service.logs.listen(call.id) if self._shows(options) else None
            named = service.named(proto, headers, call)
            result = await self._settled(call)
            seconds = time.monotonic() - began
            service.metrics.answered(200, seconds)
            if options.output == "raw":
                content = ("content-type", result.content_type)
                proto.response_bytes(200, [content, *named], result.body)
            else:
                document = answers.algorithmia(result, seconds, printed)
                proto.response_bytes(200, [*answers.JSON, *named], document)
        except Failure as problem:
            self._refuse(problem, call, proto, headers, raw=options.output == "raw", began=began)
        except asyncio.CancelledError:
            return  # the client went away
        finally:
            if call is not None:
                service.ids.forget(call.id)
                service.logs.forget(call.id)

    async def _settled(self, call: Call) -> Result:
        """Return the result; what a generator yields is one list."""
        try:
            result = await call.future
            if not isinstance(result, Stream):
                return result
            pieces = []
            while (piece := await result.next()) is not None:
                pieces.append(answers.as_json(piece)[1])
            return Result(_JSON, b"[" + b",".join(pieces) + b"]")
        finally:
            call.unwatch()
            if not call.settled and call.stream is not None:
                self._service.pool.queue.drop(call)

    async def _void(self, scope: Any, proto: Any, began: float) -> None:
        """Accept a call whose result nobody waits for: a job, by whose id it is found."""
        name = secrets.token_hex(16)
        await self._jobs.accept(scope, proto, name, "algorithmia")
        self._service.answered(200, began)
        named = self._service.named(proto, scope.headers, None)
        document = msgspec.json.encode({"async": "void", "request_id": name})
        proto.response_bytes(200, [*answers.JSON, *named], document)

    def _shows(self, options: Options) -> bool:
        return options.stdout and self._service.development

    def _refuse(
        self,
        problem: Failure,
        call: Call | None,
        proto: Any,
        headers: Any,
        *,
        raw: bool,
        began: float,
    ) -> None:
        service = self._service
        service.answered(problem.status, began)
        shown, document = service.failed(problem, call, proto, headers)
        status = problem.status
        if status in _OF_THE_CALL and not raw:
            status = 200
            document = answers.algorithmia_error(problem, development=service.development)
        proto.response_bytes(status, shown, document)


def _options(query: str) -> Options:
    """Return what a query asks for; what is not known is ignored, as Algorithmia did.

    Raises:
        Failure: 400, `timeout` is no number of seconds.
    """
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    timeout = None
    if "timeout" in asked:
        try:
            timeout = float(asked["timeout"])
        except ValueError:
            timeout = 0.0
        if not 0 < timeout < float("inf"):
            what = f"timeout is {asked['timeout'][:50]!r}, which is no number of seconds above 0"
            raise Failure(400, "bad_timeout", what)
    stdout = asked.get("stdout", "").lower() == "true"
    return Options(timeout, stdout, asked.get("output", "").lower())


def _shortest(*seconds: float | None) -> float | None:
    return min((one for one in seconds if one is not None), default=None)
