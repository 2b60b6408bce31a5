"""The jobs of one gateway: accepted, run, waited for, cancelled, kept over a restart."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from algo_gateway.calls.call import Call, Failure, Result
from algo_gateway.jobs.desk import Desk, Trouble
from algo_gateway.jobs.job import QUEUED, STATES, Job, Order
from algo_gateway.jobs.runs import Runs, result_of
from algo_gateway.jobs.store import Full, Limits, Store, Waits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo_gateway.jobs.webhooks import Webhooks
    from algo_gateway.observe.ids import Ids
    from algo_gateway.observe.logs import Logs
    from algo_gateway.workers.pool import Pool

T = TypeVar("T")
# As a client of the queue, all jobs together are one.
CLIENT = "\njobs"
# Why an attempt that says nothing of the job itself came to no end.
_NOT_ITS_FAULT = ("stopping", "not_loaded", "queue_full")
_LOST = "worker_died"
_TIDY = 30.0


class Jobs:
    """Accepts jobs once they are on the disk, and runs them as the pool has room.

    Args:
        path: The database's file; its folder is there.
        pool: Runs them; its limits are theirs.
        describe: Makes the stored error of a failure.
        logs: Gets why a job failed, and what is wrong with the disk.
        ids: Of the lines that a job logs: they carry its own.
        keys: Sign webhooks.
    """

    def __init__(
        self,
        path: Path,
        pool: Pool,
        describe: Callable[[Failure], bytes],
        logs: Logs,
        ids: Ids,
        keys: tuple[bytes, ...] = (),
    ) -> None:
        self._path = path
        self._pool = pool
        self._describe = describe
        self._logs = logs
        self._ids = ids
        self._loop = asyncio.get_running_loop()
        self._desk = Desk(self._loop)
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._tidying: asyncio.TimerHandle | None = None
        self.runs = Runs(pool, self._run)
        self.ended = dict.fromkeys(STATES[2:], 0)
        self._keys = keys
        self._webhooks: Webhooks | None = None

    async def open(self) -> None:
        """Open the store; jobs that were accepted earlier go on.

        Raises:
            sqlite3.Error: The store cannot be had: another gateway has it, or it is damaged.
            ValueError: A newer version wrote it.
        """
        limits, kept = self._pool.serving.jobs, self._limits()
        await self._desk.open(lambda: Store(self._path, kept))
        message = f"the service ended during each of {limits.attempts} attempts"
        hint = "set jobs.attempts under [serving] in algo.toml, if the job is not to blame"
        error = self._describe(Failure(502, "attempts_exhausted", message, hint=hint))
        waiting = await self.do(lambda s: s.recover(limits.attempts, time.time(), error))
        for one in waiting:
            self.runs.add(one)
        if await self.do(lambda s: s.due(time.time(), 1, frozenset()) != ([], None)):
            self._look()
        self._tidy()

    def do(self, work: Callable[[Store], T], *, durable: bool = True) -> asyncio.Future[T]:
        """Do `work` with the store (`Desk.do`)."""
        return self._desk.do(work, durable=durable)

    async def accept(self, order: Order) -> tuple[Job, bool]:
        """Take a job: from now on it is not lost. Tell whether it is new.

        Raises:
            Failure: 429, there is no more room; 409, another job has this id; 503, the service
                stops or the disk does not take it.
        """
        if self.runs.halted:
            raise Failure(503, "stopping", "the service is stopping", retry_after=1)
        now, limits = time.time(), self._limits()

        def accept(store: Store) -> tuple[Job, bool] | Full:
            store.limits = limits
            return store.accept(order, now)

        taken = await self._ask(accept, durable=True)
        if isinstance(taken, Full):
            hint = "come again later, or set jobs.queue or jobs.keep-size under [serving]"
            raise Failure(429, "jobs_full", taken.reason, retry_after=self._patience(), hint=hint)
        job, new = taken
        if new:
            self.runs.add(Waits(job.id, job.client, now))
        elif job.fingerprint != order.fingerprint:
            message = f"the job {order.id} was ordered with another body or other headers"
            raise Failure(409, "job_differs", message, hint="choose another id")
        return job, new

    async def get(self, name: str, wait: float = 0.0) -> Job:
        """Return a job, when it has ended or after `wait` seconds.

        Raises:
            Failure: 404, there is none of this id.
        """
        if wait > 0:
            ended: asyncio.Future[None] = self._loop.create_future()
            waiters = self._waiters.setdefault(name, set())
            waiters.add(ended)
            try:
                job = found(await self._ask(lambda store: store.get(name)), name)
                if not job.open:
                    return job
                await asyncio.wait({ended}, timeout=wait)
            finally:
                waiters.discard(ended)
                if not waiters and self._waiters.get(name) is waiters:
                    del self._waiters[name]
        return found(await self._ask(lambda store: store.get(name)), name)

    async def result(self, name: str) -> tuple[Job, bytes]:
        """Return a job and its result, which is empty while it is open.

        Raises:
            Failure: 404, there is none of this id.
        """
        job_and_body = await self._ask(lambda store: store.result(name))
        if job_and_body is None:
            found(None, name)
        assert job_and_body is not None
        return job_and_body

    async def cancel(self, name: str) -> Job:
        """End a job that has not ended, without a result.

        Raises:
            Failure: 404, there is none of this id.
        """
        now = time.time()

        def cancel(store: Store) -> tuple[bool, Job | None]:
            before = store.get(name)
            return before is not None and before.open, store.cancel(name, now)

        was_open, job = await self._ask(cancel, durable=True)
        ended = found(job, name)
        if was_open:
            self.runs.remove(name)
            self._tell(ended)
        return ended

    async def newest(self, state: str, before: int, most: int) -> list[Job]:
        """Return at most `most` jobs with numbers below `before`, the newest first.

        Args:
            state: Of these jobs, empty for any.
            before: The number of the last job that is known already.
            most: How many.
        """
        return await self._ask(lambda store: store.newest(state, before, most))

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state, and what came of webhooks, since the start."""
        running = len(self.runs.tasks)
        hooks = self._webhooks.counts if self._webhooks is not None else {}
        return {"queued": len(self.runs), "running": running, **self.ended, **hooks}

    def halt(self) -> None:
        """Begin nothing more: the service is about to stop."""
        self.runs.halt()

    async def close(self) -> None:
        """Put back what the stopping pool did not end, and close the store."""
        if self._tidying is not None:
            self._tidying.cancel()
        if self._webhooks is not None:
            await self._webhooks.close()
        if self.runs.tasks:
            await asyncio.wait(self.runs.tasks.values(), timeout=1.0)
        await self._desk.close()

    def say(self, text: str) -> None:
        """Write a line to the log."""
        self._logs.say(text, "warning")

    async def _ask(self, work: Callable[[Store], T], *, durable: bool = False) -> T:
        """Do `work` for a request.

        Raises:
            Failure: 503, the store does not work.
        """
        try:
            return await self.do(work, durable=durable)
        except Trouble as error:
            self.say(f"jobs cannot be kept in {self._path}: {error}")
            message = "jobs cannot be kept at the moment"
            raise Failure(503, "jobs_unavailable", message, retry_after=5) from error

    async def _run(self, waits: Waits) -> None:
        """Run one job to its end, or to the end of this attempt."""
        name = waits.id
        try:
            job = await self._attempt(waits)
        except asyncio.CancelledError:
            return  # it was cancelled, in the store already
        except Trouble as error:
            # What is under way stays so in the store, and is begun again with the next start.
            self.say(f"the job {name} cannot be kept in {self._path}: {error}")
            return
        if job is not None and job.state == QUEUED:
            self.runs.add(waits, first=not job.lost)
        elif job is not None:
            self._tell(job)

    async def _attempt(self, waits: Waits) -> Job | None:
        """Run a job once, and keep what came of it."""
        name = waits.id
        try:
            came = await self._called(name)
        finally:
            self.runs.answered()
        if came is None:
            return None
        outcome, seconds = came
        if isinstance(outcome, Failure):
            return await self._fail(name, outcome)
        now, kind, body = time.time(), outcome.content_type, outcome.body
        return await self.do(lambda store: store.succeed(name, kind, body, seconds, now))

    async def _called(self, name: str) -> tuple[Result | Failure, float] | None:
        """Call the algorithm with a job's input; None when the job is not to be run any more."""
        limits, began, now = self._pool.serving, time.monotonic(), time.time()
        call: Call | None = None
        try:
            try:
                begun = await self.do(lambda store: store.begin(name, now), durable=False)
            finally:
                self.runs.on_the_way -= 1
            if begun is None:
                return None
            job, body = begun
            seconds = limits.jobs.timeout or limits.timeout
            if job.timeout:
                seconds = min(seconds, job.timeout)
            call = self._pool.queue.background(job.content_type, body, seconds, CLIENT)
            self._ids.named[call.id] = name
            began = time.monotonic()
            result = await result_of(call, limits.jobs.max_result)
            return result, time.monotonic() - began
        except Failure as problem:
            if call is not None and problem.status >= 500 and problem.code not in _NOT_ITS_FAULT:
                self._logs.failed(problem, call.id)
            return problem, 0.0
        finally:
            if call is not None:
                self._ids.forget(call.id)
                call.unwatch()
                if not call.settled:
                    self._pool.queue.drop(call)

    async def _fail(self, name: str, problem: Failure) -> Job | None:
        """Keep that an attempt failed; the job waits again where it is not to blame."""
        if problem.code in _NOT_ITS_FAULT:
            return await self.do(lambda store: store.put_back(name))
        now, attempts = time.time(), self._pool.serving.jobs.attempts
        error = self._describe(problem)

        def keep(store: Store) -> Job | None:
            if problem.code == _LOST:
                job = store.put_back(name, lost=True)
                if job is None or job.lost < attempts:
                    return job
            return store.fail(name, problem.status, error, now)

        return await self.do(keep)

    def _tell(self, job: Job) -> None:
        """Wake who waits for a job that has ended."""
        self.ended[job.state] = self.ended.get(job.state, 0) + 1
        for waiter in self._waiters.pop(job.id, ()):
            if not waiter.done():
                waiter.set_result(None)
        if job.hook:
            self._look()

    def _look(self) -> None:
        """Deliver the webhooks that are due."""
        if self._webhooks is None:
            from algo_gateway.jobs.webhooks import Webhooks

            self._webhooks = Webhooks(self, lambda: self._pool.serving.jobs.webhooks, self._keys)
        else:
            self._webhooks.look()

    def _limits(self) -> Limits:
        """Return the limits of what is kept: another manifest may have changed them."""
        limits = self._pool.serving.jobs
        return Limits(limits.queue, limits.keep_count, limits.keep, limits.keep_size)

    def _patience(self) -> int:
        return min(60, 1 + len(self.runs) // 100)

    def _tidy(self) -> None:
        """Forget what is too old, every now and then."""

        def tidied(store: Store) -> None:
            store.forget(time.time(), 0)
            store.tidy()

        self.do(tidied, durable=False).add_done_callback(_unheard)
        self._tidying = self._loop.call_later(_TIDY, self._tidy)


def found(job: Job | None, name: str) -> Job:
    """Return `job`.

    Raises:
        Failure: 404, it is None.
    """
    if job is None:
        hint = "jobs are forgotten a while after their end (jobs.keep under [serving])"
        raise Failure(404, "no_such_job", f"there is no job {name}", hint=hint)
    return job


def _unheard(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()
