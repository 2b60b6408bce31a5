"""The care of workers: those that died, hang, grew too large or serve nobody are replaced."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from algo_gateway.calls.call import Call, Failure
from algo_gateway.workers import memory
from algo_gateway.workers.worker import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.observe.metrics import Metrics
    from algo_gateway.workers.pool import Pool
    from algo_gateway.workers.worker import Worker

SWEEP = 0.05
# What a call that is over time gets to end by itself, where it can be cancelled.
MERCY = 0.3
BACKOFF = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
HEALTHY = 10.0
# A worker that answers nothing for as long loses the calls that wait in its pipe to others, unless
# it answers within the time that it may take to look (LOOK in the runner, and some).
SILENCE, TAKING_BACK = 0.1, 0.04
# A worker over its memory limit ends after its calls; over the limit by this much, at once.
FAR_OVER = 1.25


class Care:
    """Looks after the workers of a pool, twenty times a second and when one of them ends."""

    def __init__(self, pool: Pool, metrics: Metrics, say: Callable[[str], None]) -> None:
        self._pool = pool
        self._metrics = metrics
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._kernel = memory.Kernel()
        # When a worker last failed to load, or ended while it had nothing to do.
        self._deaths: deque[float] = deque(maxlen=len(BACKOFF) - 1)
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def begin(self) -> None:
        """Look after them from now on."""
        self._sweep()

    def end(self) -> None:
        """Look after them no more."""
        if self._timer is not None:
            self._timer.cancel()

    def forget(self) -> None:
        """Do not slow down for what failed so far: the code is another one."""
        self._deaths.clear()

    def died(self, worker: Worker, reason: str) -> None:
        """A worker's pipes closed: answer what it was doing, keep the rest, replace it."""
        pool = self._pool
        if worker in pool.leaving and not worker.calls:
            pool.leaving.discard(worker)
            return
        calls = list(worker.calls.values())
        begun, ahead = calls[: worker.begun], calls[worker.begun :]
        worker.calls.clear()
        if worker in pool.workers:
            pool.workers.remove(worker)
        pool.queue.put_back(ahead)
        pool.queue.dispatch()
        pool.leaving.discard(worker)
        pool.spawn(self._replace(worker, begun, reason))

    def withdrew(self, call: Call) -> None:
        """A worker did not begin `call`, as it was asked."""
        self._pool.queue.put_back([call])
        self._pool.queue.dispatch()

    async def refill(self) -> None:
        """Start workers until there are as many as there should be, slower after each failure."""
        pool = self._pool
        while not pool.stopping and len(pool.workers) < pool.serving.workers:
            recent = [died for died in self._deaths if time.monotonic() - died < HEALTHY]
            await asyncio.sleep(BACKOFF[min(max(0, len(recent) - 1), len(BACKOFF) - 1)])
            try:
                await pool.add_worker()
            except LoadFailed as failure:
                pool.failed = failure.reply
                self._deaths.append(time.monotonic())
            except Failure as failure:
                self._say(f"a worker could not be replaced: {failure.message}")
                self._deaths.append(time.monotonic())

    async def _replace(self, worker: Worker, begun: list[Call], reason: str) -> None:
        pool = self._pool
        assert pool.runner is not None
        why = await pool.runner.reason(worker.pid, reason)
        if not pool.stopping:
            self._metrics.restarts += 1
        if begun:
            problem = worker.verdict or self._verdict(why)
            for call in begun:
                call.fail(problem)
        worker.kill()
        if pool.stopping or worker.draining:
            return
        if not begun:
            self._deaths.append(time.monotonic())  # else the call did it: no reason to be slow
        await self.refill()

    def _verdict(self, why: str) -> Failure:
        if "SIGKILL" in why and self._kernel.killed():
            limit = self._kernel.limit()
            whose = f"the container's {memory.in_words(limit)}" if limit else "the machine's memory"
            message = f"the kernel ended the worker during the call: {whose} were used up"
            hint = "give it more memory, or set worker-memory under [serving] in algo.toml"
            return Failure(502, "worker_out_of_memory", message, hint=hint)
        return Failure(502, "worker_died", f"the worker ended during the call: {why}")

    def _sweep(self) -> None:
        """Look at deadlines, absent clients and memory, and collect processes that ended."""
        self._timer = self._loop.call_later(SWEEP, self._sweep)
        pool = self._pool
        now = time.monotonic()
        if self._due:
            self._metrics.lags.observe(max(0.0, now - self._due))
        self._due = now + SWEEP
        pool.queue.sweep(now)
        for worker in (*pool.workers, *pool.leaving):
            if any(call.deadline < now for call in worker.calls.values()):
                self._overdue(worker, now)
            pool.queue.look_after(worker.calls.values(), now)
            since = worker.waits_since()
            if since and now - since > SILENCE:
                self._take_back(worker, now)
        if pool.serving.worker_memory:
            self._weigh(pool.serving.worker_memory)
        pool.collect()

    def _overdue(self, worker: Worker, now: float) -> None:
        """Answer what is over time, and end a worker that does not come out of such a call."""
        begun = list(worker.calls.values())[: worker.begun]
        for call in worker.calls.values():
            if call.deadline < now:
                if not call.settled:
                    worker.cancel(call)
                call.expire()
        stuck = [call for call in begun if call.limit < now]
        if not stuck:
            self._deserted(worker, begun, now)
            return
        if worker.reply.cancels and now - min(call.limit for call in stuck) < MERCY:
            return
        if all(call.settled for call in begun):
            worker.kill()
        elif worker in self._pool.workers:
            # Others are being answered in it: they may end, nothing new begins.
            self._relieve(worker)

    def _deserted(self, worker: Worker, begun: list[Call], now: float) -> None:
        """End a worker that nobody waits for while others do, once it had its grace."""
        pool = self._pool
        others = len(pool.queue) or len(worker.calls) > len(begun)
        grace = pool.serving.cancel_grace
        if others and all(call.settled and call.deadline + grace < now for call in begun):
            self._say(f"the client of a call left, and it goes on after {grace:g} s: others wait")
            worker.kill()

    def _take_back(self, worker: Worker, now: float) -> None:
        """Give calls that wait behind a long one to others that are free."""
        pool = self._pool
        if not worker.withdrawing:
            if pool.queue.free(besides=worker):
                worker.withdraw(now)
        elif now - worker.withdrawing > TAKING_BACK:
            pool.queue.put_back(worker.withdrawn())
            pool.queue.dispatch()

    def _weigh(self, limit: int) -> None:
        """Let workers over their memory limit end, those far over it at once."""
        pool = self._pool
        assert pool.runner is not None
        for worker in pool.runner.workers:
            size = memory.resident(worker.pid)
            if size <= limit:
                continue
            if size > limit * FAR_OVER and worker.verdict is None:
                worker.verdict = out_of_memory(size, limit)
                worker.kill()
            elif worker in pool.workers:
                self._say(
                    f"worker {worker.pid} has {memory.in_words(size)}, worker-memory is "
                    f"{memory.in_words(limit)}: another one takes over"
                )
                self._metrics.restarts += 1
                self._relieve(worker)

    def _relieve(self, worker: Worker) -> None:
        self._pool.workers.remove(worker)
        self._pool.let_go(worker)
        self._pool.spawn(self.refill())


def out_of_memory(size: int, limit: int) -> Failure:
    """Return what to answer where a worker of `size` bytes was ended."""
    message = f"the worker had {memory.in_words(size)}, worker-memory is {memory.in_words(limit)}"
    hint = "set worker-memory under [serving] in algo.toml"
    return Failure(502, "worker_out_of_memory", message, hint=hint)
