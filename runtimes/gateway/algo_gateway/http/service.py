"""What every route works with: one algorithm and what counts, limits and logs its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.aside import aside
from algo_gateway.calls.call import Call, Failure
from algo_gateway.files.intake import Intake
from algo_gateway.http import answers
from algo_gateway.http.encodings import unpacked
from algo_gateway.http.front import Watched
from algo_gateway.observe.ids import HEADER, Ids, given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from algo_gateway.calls.call import Answer
    from algo_gateway.config import Description
    from algo_gateway.observe.logs import Logs
    from algo_gateway.observe.metrics import Metrics
    from algo_gateway.tracing.tracer import Tracer
    from algo_gateway.workers.pool import Pool

SERVER_ERROR = 500
# What `algo run` and `algo test` call themselves.
OURS = "algo/"


@dataclass(frozen=True, slots=True)
class Service:
    """One algorithm that is served."""

    description: Description
    pool: Pool
    metrics: Metrics
    logs: Logs
    development: bool
    ids: Ids
    intake: Intake = field(default_factory=Intake)
    tracer: Tracer | None = None

    async def body(self, headers: Any, proto: Any) -> bytes:
        """Return a request's body, refused before it is read where its length is known.

        Raises:
            Failure: It is over the limit, its length is no number, or it is packed in a way that
                we do not know.
        """
        body = await self._sent(headers, proto)
        encoding = headers.get("content-encoding")
        if encoding is None:
            return body
        whole = await unpacked(body, encoding, self.pool.serving.max_body)
        if whole is None:
            raise self._too_big()
        return whole

    async def _sent(self, headers: Any, proto: Any) -> bytes:
        length = headers.get("content-length")
        most = self.pool.serving.max_body
        if length is not None:
            if not length.isdigit():
                raise Failure(400, "bad_length", "Content-Length is no number")
            if int(length) > most:
                raise self._too_big()
            body: bytes = await proto()
            return body
        pieces = bytearray()
        async for piece in proto:
            pieces += piece
            if len(pieces) > most:
                raise self._too_big()
        return bytes(pieces)

    async def prepared(self, kind: str, body: bytes) -> tuple[str, bytes]:
        """Return content type and body as a runner takes them: forms and URLs become parts.

        JSON needs none of it where this algorithm is `plain`.

        Raises:
            Failure: It is no form, a file cannot be fetched, or it is not what `schema.json` says.
        """
        pool = self.pool
        kind, body = await self.intake.take(
            kind, body, pool.serving.fetch, pool.sides.get("input", {})
        )
        await self.check(kind, body)
        return kind, body

    async def check(self, kind: str, body: bytes) -> None:
        """Refuse what is not what `schema.json` says.

        Raises:
            Failure: 400, `invalid_input`.
        """
        declared = self.pool.declared
        if declared is not None:
            from algo_gateway.calls.declared import EFFORT

            await aside(EFFORT * len(body), declared.check, kind, body)

    @property
    def plain(self) -> bool:
        """Whether JSON goes to a runner as it comes."""
        return self.pool.serving.fetch is None and self.pool.declared is None

    def sized(self, body: bytes) -> bytes:
        """Return a body that is there.

        Raises:
            Failure: It is over the limit.
        """
        if len(body) > self.pool.serving.max_body:
            raise self._too_big()
        return body

    def submit(
        self,
        kind: str,
        body: bytes,
        gone: Callable[[], Awaitable[object]],
        *,
        timeout: float | None = None,
        client: str = "",
        future: Answer | None = None,
    ) -> Call:
        """Hand a call to the queue (`Queue.submit`).

        Raises:
            Failure: There is no working code, the queue is full, or the service stops.
        """
        pool = self.pool
        if pool.failed is not None and not pool.workers:
            raise self._not_loaded()
        return pool.queue.submit(kind, body, gone, timeout=timeout, client=client, future=future)

    def answered(self, status: int, began: float) -> None:
        """Count an answer to a request that came at `began` of `time.monotonic`."""
        self.metrics.answered(status, time.monotonic() - began)

    def name_of(self, headers: Any, call: Call) -> str:
        """Return the id of a request that became `call`, its caller's own where that is one."""
        name = headers.get(HEADER)
        return (name and given(name)) or self.ids.of_call(call.id)

    def named(self, proto: Any, headers: Any, call: Call | None) -> answers.Headers:
        """Return the header with the request's id, unless whoever watches `proto` adds it."""
        if type(proto) is Watched:
            return []
        name = given(headers.get(HEADER))
        if call is None:
            return [(HEADER, name or self.ids.new())]
        if name is not None:
            self.ids.named[call.id] = name
        return [(HEADER, self.ids.of_call(call.id))]

    def failed(
        self, problem: Failure, call: Call | None, proto: Any, headers: Any, *, told: bool = True
    ) -> tuple[answers.Headers, bytes]:
        """Log `problem` where it is a fault of ours or the algorithm's; return what to answer.

        A caller that shows it on this terminal has it twice otherwise. What no answer has a place
        for (`told`) is in the log in any case.
        """
        shown = told and self.development and (headers.get("user-agent") or "").startswith(OURS)
        if call is not None and (problem.status >= SERVER_ERROR or not told) and not shown:
            self.logs.failed(problem, call.id)
        # Its frames hold the call, which holds it: bodies would stay until the collector runs.
        problem.__traceback__ = None
        self.metrics.failed(problem.code)
        if type(proto) is Watched:
            proto.problem = problem
        also, document = answers.failure(problem, development=self.development)
        return [*also, *self.named(proto, headers, call)], document

    def _not_loaded(self) -> Failure:
        reply = self.pool.failed
        assert reply is not None
        message = f"the algorithm is not loaded: {reply.error}: {reply.message}"
        return Failure(503, "not_loaded", message, stacktrace=reply.stacktrace, error=reply.error)

    def _too_big(self) -> Failure:
        message = f"the body is over {self.pool.serving.max_body} bytes"
        hint = "set max-body under [serving] in algo.toml"
        return Failure(413, "body_too_large", message, hint=hint)
