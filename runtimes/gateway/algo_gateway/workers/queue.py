"""The queue: calls on their way to workers, bounded, fair between clients."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from algo_gateway.calls.batching import Batching
from algo_gateway.calls.call import Call, Failure, Result, Stream
from algo_gateway.calls.carried import carried
from algo_gateway.calls.rate import Rate
from algo_gateway.calls.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from algo_gateway.calls.call import Answer
    from algo_gateway.config import Serving
    from algo_gateway.observe.metrics import Metrics
    from algo_gateway.workers.worker import Worker

# A client is watched only while a call is long: the watch costs a task.
PATIENCE = 0.2


class Queue:
    """Hands calls to those of `workers` that have a place."""

    def __init__(self, serving: Serving, metrics: Metrics, workers: Sequence[Worker]) -> None:
        self._serving = serving
        self._metrics = metrics
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._calls: Waiting[Call] = Waiting()
        self._answered = 0
        self._rate = Rate(time.monotonic())
        self._number = 0
        self._batching = Batching(serving.batch.max_size, serving.batch.max_wait)
        self._leaving: asyncio.TimerHandle | None = None
        self.closed = False

    def __len__(self) -> int:
        return len(self._calls)

    def limit(self, serving: Serving) -> None:
        """Go by these limits from now on."""
        self._serving = serving
        self._batching.limit(serving.batch.max_size, serving.batch.max_wait)

    @property
    def waiting(self) -> int:
        """How many calls wait, here or ahead of time in a worker's pipe."""
        return len(self._calls) + sum(len(w.calls) - w.begun for w in self._workers)

    def submit(
        self,
        content_type: str,
        body: bytes,
        gone: Callable[[], Awaitable[object]],
        *,
        timeout: float | None = None,
        client: str = "",
        future: Answer | None = None,
    ) -> Call:
        """Take a call, and hand it over when a worker is free.

        Args:
            content_type: Of the body.
            body: The request's body.
            gone: Waits for the client to go.
            timeout: The seconds that the client waits, where these are fewer than ours.
            client: Who sent it: clients that wait are served in turn.
            future: What gets the result; else it is the future of the call.

        Raises:
            Failure: The queue is full, or the service is stopping.
        """
        if self.closed:
            raise Failure(503, "stopping", "the service is stopping", retry_after=1)
        worker = self._free()
        if worker is None and self.waiting >= self._serving.queue:
            self._make_room(client)
        now = time.monotonic()
        self._number += 1
        longest = self._serving.timeout
        seconds = longest if timeout is None or timeout > longest else timeout
        call = Call(
            self._number,
            content_type,
            body,
            now,
            now + seconds,
            now + longest,
            self._loop.create_future() if future is None else future,
            gone,
            client,
        )
        carrier = carried.get()
        if carrier is not None:
            call.trace = carrier.carry(call)
        if worker is not None and not self._calls and not worker.reply.batch:
            worker.send(call)
        else:
            self._calls.append(call)
            self._batching.arrived(now)
            self.dispatch()
        return call

    def background(self, content_type: str, body: bytes, seconds: float, client: str) -> Call:
        """Take a call that no client waits for; it may be refused later, to make room.

        Raises:
            Failure: The service is stopping.
        """
        if self.closed:
            raise Failure(503, "stopping", "the service is stopping", retry_after=1)
        now = time.monotonic()
        self._number += 1
        future: asyncio.Future[Result | Stream] = self._loop.create_future()
        end = now + seconds
        call = Call(
            self._number,
            content_type,
            body,
            now,
            end,
            end,
            future,
            self._loop.create_future,
            client,
        )
        self._calls.append(call)
        self._batching.arrived(now)
        self.dispatch()
        return call

    def drop(self, call: Call) -> None:
        """Forget a call whose client went away: a free place, no answer."""
        call.settled = True
        call.deadline = time.monotonic()  # since when nobody waits for it
        if not call.future.done():
            call.future.cancel()
        if call.worker is not None:
            call.worker.cancel(call)
            if call.stream is not None:
                call.stream.close()
        else:
            self._calls.remove(call)

    def dispatch(self) -> None:
        """Hand over what waits, as far as there are places."""
        while self._calls and (worker := self._free()) is not None:
            if not worker.reply.batch:
                worker.send(self._calls.next())
            elif not self._gathered():
                return
            else:
                self._send_batch(worker)

    def refill(self, worker: Worker) -> None:
        """Give a worker that has just answered its next calls."""
        self._answered += 1
        if worker.reply.batch:
            if not worker.calls:
                self._batching.cost.measured(worker.batch, time.monotonic() - worker.batch_began)
                self.dispatch()
            return
        calls = self._calls
        while calls and len(worker.calls) < worker.limit:
            worker.send(calls.next())

    def free(self, *, besides: Worker) -> bool:
        """Tell whether another worker than `besides` has a place."""
        return any(len(w.calls) < w.limit for w in self._workers if w is not besides)

    def put_back(self, calls: Sequence[Call]) -> None:
        """Let calls that their worker had not begun be the next ones again."""
        for call in reversed(calls):
            if not call.settled:
                call.worker = None
                call.began = 0.0
                self._calls.put_back(call)

    def sweep(self, now: float) -> None:
        """Answer calls that nobody got to in time; forget those that nobody waits for."""
        self._rate.sample(now, self._answered, busy=self.waiting > 0)
        for call in [call for call in self._calls if call.settled or call.deadline < now]:
            self._calls.remove(call)
            call.expire()
        self.look_after(self._calls, now)

    def look_after(self, calls: Iterable[Call], now: float) -> None:
        """Watch the clients of those `calls` that take long."""
        for call in calls:
            if call.watch is None and not call.settled and now - call.arrived > PATIENCE:
                call.watch = self._loop.create_task(self._watch(call))

    def fail(self, failure: Failure) -> None:
        """Answer all that waits with `failure`."""
        for call in self._calls:
            call.fail(failure)

    def _gathered(self) -> bool:
        """Tell whether the batch that waits should leave now; if not, a timer sees to it."""
        now = time.monotonic()
        wait = self._batching.wait(len(self._calls), now, self._calls.oldest)
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if wait > 0:
            self._leaving = self._loop.call_later(wait, self._leave)
        return wait <= 0

    def _leave(self) -> None:
        self._leaving = None
        worker = self._free()
        if worker is not None and self._calls:
            self._send_batch(worker)
            self.dispatch()

    def _send_batch(self, worker: Worker) -> None:
        size = min(len(self._calls), self._batching.max_size)
        worker.send_batch([self._calls.next() for _ in range(size)])
        self._metrics.batched(size)

    async def _watch(self, call: Call) -> None:
        try:
            await call.gone()
        except asyncio.CancelledError:
            return  # it was answered; the exception's frame would keep the call and its body
        if not call.settled:
            self.drop(call)

    def _free(self) -> Worker | None:
        best: Worker | None = None
        for worker in self._workers:
            load = len(worker.calls)
            if load < worker.limit and (best is None or load < len(best.calls)):
                best = worker
        return best

    def _make_room(self, client: str) -> None:
        """Refuse a call: this one, or one of a client that fills the queue.

        Raises:
            Failure: It is this one.
        """
        message = f"{self._serving.queue} calls are waiting already"
        hint = "come again later, or set workers or queue under [serving] in algo.toml"
        wait = self._rate.seconds_for(self.waiting)
        full = Failure(429, "queue_full", message, retry_after=wait, hint=hint)
        other = self._calls.give_way(client)
        if other is None:
            raise full
        other.fail(full)
