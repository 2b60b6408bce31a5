"""A call: one request on its way through the queue, a worker and back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from algo_gateway.wire.frames import Reply
    from algo_gateway.workers.worker import Worker

# A stream whose reader is slow holds about so many pieces or bytes, then its generator waits.
STREAM_HIGH, STREAM_LOW = 64, 16
BYTES_HIGH, BYTES_LOW = 1 << 20, 1 << 18
# A runner that goes on all the same is not read any more.
BYTES_MOST = 16 << 20
_JSON_CALL = b'{"type":"call","id":%d,"content_type":"application/json"}'


class Answer(Protocol):
    """What a call tells its result to, once: a future, or what writes the answer at once."""

    def done(self) -> bool:
        """Whether it has been told."""

    def set_result(self, result: Result | Stream) -> None:
        """Take the result."""

    def set_exception(self, problem: Exception) -> None:
        """Take what went wrong."""

    def cancel(self) -> bool:
        """Nobody waits for it."""


class Failure(Exception):
    """A call that has no result: an HTTP status, a stable code and what to say.

    `problems` of an input each have a `path` and a `message`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        stacktrace: str = "",
        error: str = "",
        retry_after: int = 0,
        hint: str = "",
        problems: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.stacktrace = stacktrace
        self.error = error
        self.retry_after = retry_after
        self.hint = hint
        self.problems = problems


class Result:
    """What `apply` returned: a content type and bytes."""

    __slots__ = ("body", "content_type")

    def __init__(self, content_type: str, body: bytes) -> None:
        self.content_type = content_type
        self.body = body


class Stream:
    """What a generator yields, piece by piece; ends with None, or with a Failure."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Call) -> None:
        self._loop = loop
        self._call = call
        self._pieces: deque[Result | Failure | None] = deque()
        self._bytes = 0
        self._full = False
        self._wake: asyncio.Future[None] | None = None

    def put(self, piece: Result | Failure | None) -> None:
        """Add a piece; a full stream makes its generator wait."""
        self._pieces.append(piece)
        if isinstance(piece, Result):
            self._bytes += len(piece.body)
            if self._bytes > BYTES_HIGH or len(self._pieces) > STREAM_HIGH:
                self._fill()
        self._wakes()

    def close(self) -> None:
        """End for the reader: nobody wants what is left, and nothing waits for it."""
        self._pieces.clear()
        self._pieces.append(None)
        self._drain()
        self._wakes()

    async def ready(self, seconds: float) -> bool:
        """Wait for a piece; False when none came in `seconds`."""
        if not self._pieces:
            self._wake = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._wakes)
            await self._wake
            timer.cancel()
        return bool(self._pieces)

    async def next(self) -> Result | None:
        """Return the next piece, None at the end.

        Raises:
            Failure: The generator raised, or its worker died.
        """
        while not self._pieces:
            self._wake = self._loop.create_future()
            await self._wake
        piece = self._pieces.popleft()
        if isinstance(piece, Failure):
            raise piece
        if piece is not None:
            self._bytes -= len(piece.body)
            if self._full and len(self._pieces) < STREAM_LOW and self._bytes < BYTES_LOW:
                self._drain()
        return piece

    def _fill(self) -> None:
        worker = self._call.worker
        if worker is None:
            return
        if not self._full:
            self._full = True
            worker.pause(self._call)
        if self._bytes > BYTES_MOST:
            worker.block(self._call)

    def _drain(self) -> None:
        if self._full and self._call.worker is not None:
            self._full = False
            self._call.worker.resume(self._call)

    def _wakes(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Call:
    """One request. `settled` when it was answered; what comes later is dropped.

    `trace` is what the header of its frame says of its trace (`Carrier.carry`).
    A worker `began` it and `ended` it at these times (`time.monotonic`), 0 before.

    `gone` waits until the client has left. At `deadline` it is answered in any case; a worker
    that is still at it at `limit` is replaced. The client may ask for an early deadline, but
    not for the end of a worker.
    """

    __slots__ = (
        "arrived",
        "began",
        "body",
        "client",
        "content_type",
        "deadline",
        "ended",
        "future",
        "gone",
        "id",
        "limit",
        "settled",
        "stream",
        "trace",
        "watch",
        "worker",
    )

    def __init__(
        self,
        number: int,
        content_type: str,
        body: bytes,
        arrived: float,
        deadline: float,
        limit: float,
        future: asyncio.Future[Result | Stream] | Answer,
        gone: Callable[[], Awaitable[object]],
        client: str,
    ) -> None:
        self.id = number
        self.content_type = content_type
        self.body = body
        self.arrived = arrived
        self.began = self.ended = 0.0
        self.trace = b""
        self.deadline = deadline
        self.limit = limit
        # Whoever gave something else knows; everybody else may wait for it.
        self.future = cast("asyncio.Future[Result | Stream]", future)
        self.gone = gone
        self.client = client
        self.settled = False
        self.stream: Stream | None = None
        self.worker: Worker | None = None
        self.watch: asyncio.Task[None] | None = None

    @property
    def header(self) -> bytes:
        """The header of its `call` frame."""
        if self.content_type == "application/json" and not self.trace:
            return _JSON_CALL % self.id
        kind = msgspec.json.encode(self.content_type)
        return b'{"type":"call","id":%d,"content_type":%b%b}' % (self.id, kind, self.trace)

    @property
    def part(self) -> msgspec.Raw:
        """What the header of a `batch` frame says of it."""
        kind = msgspec.json.encode(self.content_type)
        form = b'{"id":%d,"content_type":%b,"length":%d%b}'
        return msgspec.Raw(form % (self.id, kind, len(self.body), self.trace))

    def succeed(self, result: Result | Stream) -> None:
        """Answer with a result."""
        if not self.settled:
            self.settled = not isinstance(result, Stream)
            if not self.future.done():
                self.future.set_result(result)

    def fail(self, failure: Failure) -> None:
        """Answer with a failure, at the end of the stream when one has begun."""
        if self.settled:
            return
        self.settled = True
        if self.stream is not None:
            self.stream.put(failure)
        elif not self.future.done():
            self.future.set_exception(failure)

    def unwatch(self) -> None:
        """Watch its client no more; what is left of the watch must not keep the call."""
        if self.watch is not None:
            self.watch.cancel()
            self.watch = None

    def expire(self) -> None:
        """Answer that its time is over."""
        message = f"no answer within {self.deadline - self.arrived:g} s"
        hint = "set timeout under [serving] in algo.toml"
        if self.deadline < self.limit:
            hint = "the request asked for this deadline: ask for a later one"
        self.fail(Failure(504, "deadline_exceeded", message, hint=hint))

    def take(self, reply: Reply, body: bytes) -> bool:
        """Take a runner's reply; True when it was the last one of this call."""
        if reply.type == "result":
            self.succeed(Result(reply.content_type, body))
            return True
        if reply.type == "error":
            self.fail(failure_of(reply))
            return True
        if reply.type == "chunk":
            if self.stream is None:
                self.stream = Stream(self.future.get_loop(), self)
                self.succeed(self.stream)
            if not self.settled:
                self.stream.put(Result(reply.content_type, body))
            return False
        if reply.type == "end":
            if self.stream is None:
                self.stream = Stream(self.future.get_loop(), self)
                self.succeed(self.stream)
            if not self.settled:
                self.settled = True
                self.stream.put(None)
            return True
        return False


_STATUS = {"input": 400, "caller": 400, "result": 500, "algorithm": 500}


def failure_of(reply: Reply) -> Failure:
    """Return the failure that an `error` frame tells of."""
    status = _STATUS.get(reply.fault, 500)
    message, stacktrace = reply.message, reply.stacktrace
    if reply.fault == "algorithm":
        message = f"{reply.error}: {reply.message}"
    elif reply.fault == "caller":
        stacktrace = ""  # the author said what is wrong: where it was raised helps nobody
    return Failure(
        status,
        str(reply.code),
        message,
        stacktrace=stacktrace,
        error=reply.error,
        hint=reply.hint,
        problems=reply.problems,
    )
