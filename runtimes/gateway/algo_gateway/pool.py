"""The queue and the workers: dispatch, deadlines, replacement of the dead, reload."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls import Call, Failure, Result, Stream
from algo_gateway.reload import Outcome, fault_of
from algo_gateway.worker import LoadFailed, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from algo_gateway.config import Serving
    from algo_gateway.frames import Reply
    from algo_gateway.metrics import Metrics
    from algo_gateway.processes import Runner

SWEEP = 0.05
# Whoever waits longer than this is worth a look whether he is still there.
PATIENCE = 0.2
SWAP_PATIENCE = 1.0
BACKOFF = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
HEALTHY = 10.0


class Pool:
    """Hands calls to workers in the order in which they came."""

    def __init__(
        self,
        serving: Serving,
        metrics: Metrics,
        logged: Callable[[Reply, bytes], None],
    ) -> None:
        self._serving = serving
        self._metrics = metrics
        self._logged = logged
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Call] = deque()
        self._number = 0
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaths: deque[float] = deque(maxlen=len(BACKOFF) - 1)
        self._timer: asyncio.TimerHandle | None = None
        self.runner: Runner | None = None
        self.workers: list[Worker] = []
        self.leaving: set[Worker] = set()
        self.failed: Reply | None = None
        self.schema: dict[str, object] = {}
        self.stopping = False

    @property
    def ready(self) -> bool:
        """Whether a call would be answered by an algorithm."""
        return bool(self.workers) and not self.stopping

    @property
    def waiting(self) -> int:
        """How many calls wait, in the queue or ahead of time in a worker's pipe."""
        ahead = sum(max(0, len(w.calls) - w.concurrency) for w in self.workers)
        return len(self._queue) + ahead

    @property
    def running(self) -> int:
        """How many calls are being answered."""
        return sum(min(len(w.calls), w.concurrency) for w in (*self.workers, *self.leaving))

    async def start(self, runner: Runner) -> None:
        """Start the workers.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: The runner did not start.
        """
        self.runner = runner
        self._sweep()
        self._admit(await runner.worker(self._logged))
        rest = [runner.worker(self._logged) for _ in range(self._serving.workers - 1)]
        for worker in await asyncio.gather(*rest):
            self._admit(worker)

    def submit(self, content_type: str, body: bytes, timeout: float) -> Call:
        """Take a call, and hand it over when a worker is free.

        Raises:
            Failure: The queue is full, or the service is stopping.
        """
        if self.stopping:
            raise Failure(503, "stopping", "the service is stopping", retry_after=1)
        worker = self._free()
        if worker is None and self.waiting >= self._serving.queue:
            self._metrics.refused += 1
            raise self._full()
        now = time.monotonic()
        self._number += 1
        number = self._number
        header = b'{"type":"call","id":%d,"content_type":%b}' % (
            number,
            msgspec.json.encode(content_type),
        )
        future: asyncio.Future[Result | Stream] = self._loop.create_future()
        call = Call(number, header, body, now, now + timeout, future)
        if worker is not None and not self._queue:
            worker.send(call)
        else:
            self._queue.append(call)
            self._dispatch()
        return call

    def drop(self, call: Call) -> None:
        """Forget a call whose client went away: a free place, no answer."""
        call.settled = True
        if not call.future.done():
            call.future.cancel()
        if call.worker is None:
            self._queue.remove(call)
        else:
            call.worker.cancel(call)

    async def reload(self, changed: Sequence[str]) -> Outcome:
        """Bring the files that changed into service; on failure the old code goes on."""
        began = time.perf_counter()
        async with self._one_at_a_time:
            try:
                rung = await self._reload(changed)
            except LoadFailed as failure:
                return Outcome(ok=False, error=fault_of(failure.reply))
            except Failure as failure:
                return Outcome(ok=False, error=fault_of(failure))
        self._metrics.reloads += 1
        return Outcome(ok=True, rung=rung, milliseconds=(time.perf_counter() - began) * 1000)

    async def stop(self, grace: float) -> None:
        """Answer what was accepted, for at most `grace` seconds, and end the workers."""
        self.stopping = True
        end = time.monotonic() + grace
        while (self._queue or self.running) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        stopping = Failure(503, "stopping", "the service stopped before the call ended")
        for call in self._queue:
            call.fail(stopping)
        for worker in (*self.workers, *self.leaving):
            for call in worker.calls.values():
                call.fail(stopping)
            worker.shut_down()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)
        if self.runner is not None:
            await self._ended(0.5)
            for worker in (*self.workers, *self.leaving):
                if worker.alive:
                    worker.kill()
            self.runner.close()

    async def _ended(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(w.alive for w in (*self.workers, *self.leaving)):
            await asyncio.sleep(0.01)

    async def _reload(self, changed: Sequence[str]) -> str:
        assert self.runner is not None
        if self.workers and await self._swapped(changed):
            return "swap"
        fresh = [await self.runner.worker(self._logged)]
        rest = [self.runner.worker(self._logged) for _ in range(self._serving.workers - 1)]
        fresh += await asyncio.gather(*rest)
        old, self.workers = self.workers, []
        for worker in fresh:
            self._admit(worker)
        for worker in old:
            self._let_go(worker)
        self._deaths.clear()
        return "worker"

    async def _swapped(self, changed: Sequence[str]) -> bool:
        """Swap the code in every worker; False when new workers are needed."""
        message: dict[str, object] = {"type": "reload", "changed": list(changed)}
        for worker in list(self.workers):
            asked = worker.ask(message, ("reloaded", "load_error"))
            try:
                reply = await asyncio.wait_for(asked, SWAP_PATIENCE)
            except (TimeoutError, Failure):
                return False  # busy with a long call, or dead: a new worker answers sooner
            if reply.type == "load_error":
                raise LoadFailed(reply)
            if reply.rung != "swap":
                return False
            self.schema = reply.described or self.schema
        return True

    def _admit(self, worker: Worker) -> None:
        worker.died = self._died
        if not worker.alive:
            self._died(worker, "")
            return
        self.workers.append(worker)
        self.failed = None
        self.schema = dict(worker.reply.described)
        self._dispatch()

    def _let_go(self, worker: Worker) -> None:
        """Let a worker answer what it has, then end it."""
        worker.draining = True
        self.leaving.add(worker)
        if not worker.calls:
            worker.shut_down()

    def idle(self, worker: Worker) -> None:
        """A worker answered a call: it gets the next, or leaves when it has none."""
        if worker.draining:
            if not worker.calls:
                worker.shut_down()
            return
        queue = self._queue
        while queue and len(worker.calls) < worker.limit:
            worker.send(queue.popleft())

    def _free(self) -> Worker | None:
        best: Worker | None = None
        for worker in self.workers:
            load = len(worker.calls)
            if load < worker.limit and (best is None or load < len(best.calls)):
                best = worker
        return best

    def _dispatch(self) -> None:
        while self._queue and (worker := self._free()) is not None:
            worker.send(self._queue.popleft())

    def _full(self) -> Failure:
        mean = max(0.001, self._metrics.mean_seconds)
        places = max(1, self._serving.workers * self._serving.concurrency)
        wait = max(1, round(self.waiting * mean / places))
        message = f"{self._serving.queue} calls are waiting already"
        return Failure(429, "queue_full", message, retry_after=wait)

    def _died(self, worker: Worker, reason: str) -> None:
        """A worker's pipes closed: answer what it was doing, keep the rest, replace it."""
        if worker in self.leaving and not worker.calls:
            self.leaving.discard(worker)
            return
        calls = list(worker.calls.values())
        worker.calls.clear()
        begun, ahead = calls[: worker.concurrency], calls[worker.concurrency :]
        for call in reversed(ahead):
            if not call.settled:
                call.worker = None
                self._queue.appendleft(call)
        if worker in self.workers:
            self.workers.remove(worker)
        self.leaving.discard(worker)
        self._run(self._replace(worker, begun, reason))

    async def _replace(self, worker: Worker, begun: list[Call], reason: str) -> None:
        assert self.runner is not None
        why = await self.runner.reason(worker.pid, reason)
        if not self.stopping:
            self._metrics.restarts += 1
        for call in begun:
            call.fail(Failure(502, "worker_died", f"the worker ended during the call: {why}"))
        worker.kill()
        if self.stopping or worker.draining:
            return
        self._deaths.append(time.monotonic())
        while not self.stopping and len(self.workers) < self._serving.workers:
            recent = [died for died in self._deaths if time.monotonic() - died < HEALTHY]
            await asyncio.sleep(BACKOFF[min(max(0, len(recent) - 1), len(BACKOFF) - 1)])
            async with self._one_at_a_time:
                if len(self.workers) >= self._serving.workers:
                    return
                try:
                    self._admit(await self.runner.worker(self._logged))
                except LoadFailed as failure:
                    self.failed = failure.reply
                    self._deaths.append(time.monotonic())
                except Failure:
                    self._deaths.append(time.monotonic())

    def _sweep(self) -> None:
        """Look at deadlines and absent clients, and collect processes that ended."""
        self._timer = self._loop.call_later(SWEEP, self._sweep)
        now = time.monotonic()
        for call in [call for call in self._queue if call.settled or call.deadline < now]:
            self._queue.remove(call)
            call.fail(self._late())
        for worker in (*self.workers, *self.leaving):
            late = [call for call in worker.calls.values() if call.deadline < now]
            if late:
                self._overdue(worker, late)
        if self.runner is not None:
            self.runner.reap()

    def _overdue(self, worker: Worker, late: list[Call]) -> None:
        begun = list(worker.calls.values())[: worker.concurrency]
        for call in late:
            call.fail(self._late())
        if any(call in begun for call in late):
            # A call that is over time cannot be stopped from within: its worker is replaced.
            worker.kill()

    def _late(self) -> Failure:
        message = f"no answer within {self._serving.timeout:g} s"
        return Failure(504, "deadline_exceeded", message)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
