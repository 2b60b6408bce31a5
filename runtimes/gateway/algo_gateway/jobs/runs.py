"""Which jobs run when: behind the calls of clients that wait, in turn between who ordered them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from algo_gateway.calls.call import Call, Failure, Result, Stream
from algo_gateway.calls.pieces import JSON_LINES, form_of
from algo_gateway.calls.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from algo_gateway.jobs.store import Waits
    from algo_gateway.workers.pool import Pool

# While calls take every place, a job is begun this often all the same.
PATIENCE = 1.0
TICK = 0.25
# So many results may wait for the disk.
UNWRITTEN = 64


class Runs:
    """Begins jobs as there is room for them.

    Args:
        pool: Runs them; its limits say how many at once.
        begin: Runs one to its end.
    """

    def __init__(self, pool: Pool, begin: Callable[[Waits], Coroutine[None, None, None]]) -> None:
        self._pool = pool
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._waiting: Waiting[Waits] = Waiting()
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.tasks: dict[str, asyncio.Task[None]] = {}
        # Jobs that were begun: those that have no answer yet, and of them those that are not
        # with the queue yet. What is only being written down keeps no other from beginning.
        self.active = 0
        self.on_the_way = 0
        self.halted = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: Waits, *, first: bool = False) -> None:
        """Let a job wait for its turn, as the `first` one of its client."""
        if first:
            self._waiting.put_back(job)
        else:
            self._waiting.append(job)
        self.look()

    def remove(self, name: str) -> None:
        """Forget a job that waits, or stop one that runs."""
        for job in self._waiting:
            if job.id == name:
                self._waiting.remove(job)
                return
        task = self.tasks.get(name)
        if task is not None:
            task.cancel()

    def look(self) -> None:
        """Begin as many as there is room for."""
        while self._waiting and self._room():
            job = self._waiting.next()
            self._last = time.monotonic()
            self.active += 1
            self.on_the_way += 1
            task = self._loop.create_task(self._begin(job))
            self.tasks[job.id] = task
            task.add_done_callback(lambda _, name=job.id: self._done(name))  # type: ignore[misc]
        watched = self._waiting and not self.halted
        # The pool tells of each place that comes free; the timer sees to all else.
        self._pool.spare = self.look if watched else None
        if watched and self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)

    def answered(self) -> None:
        """The attempt at a job is over, whatever came of it."""
        self.active -= 1
        self.look()

    def halt(self) -> None:
        """Begin nothing more."""
        self.halted = True
        self._pool.spare = None

    def _tick(self) -> None:
        self._timer = None
        self.look()

    def _done(self, name: str) -> None:
        self.tasks.pop(name, None)
        self.look()

    def _room(self) -> bool:
        """Tell whether a job may begin: no call waits and a place is free, or it is time."""
        workers = self._pool.workers
        if self.halted or not workers:
            return False
        limits, ahead = self._pool.serving, self.on_the_way + len(self._pool.queue)
        if workers[0].reply.batch:
            # They join the next batch, as far as calls leave room in it.
            most = limits.jobs.concurrency or len(workers) * limits.batch.max_size
            free = ahead < limits.batch.max_size
        else:
            places = len(workers) * limits.concurrency
            most = limits.jobs.concurrency or max(1, places - 1)
            free = ahead + sum(len(worker.calls) for worker in workers) < places
        if self.active >= most or len(self.tasks) >= most + UNWRITTEN:
            return False
        return free or time.monotonic() - self._last >= PATIENCE


async def result_of(call: Call, most: int) -> Result:
    """Return the result of a call, of a stream all its pieces together.

    Raises:
        Failure: The call failed, or its result has more than `most` bytes.
    """
    result = await call.future
    if not isinstance(result, Stream):
        if len(result.body) > most:
            raise _too_large(most)
        return result
    try:
        return await _together(result, most)
    finally:
        result.close()


async def _together(stream: Stream, most: int) -> Result:
    first = await stream.next()
    if first is None:
        return Result(JSON_LINES, b"")
    form = form_of("", first.content_type)
    whole = bytearray(form.piece(first))
    while (piece := await stream.next()) is not None:
        whole += form.piece(piece)
        if len(whole) > most:
            raise _too_large(most)
    return Result(form.content_type, bytes(whole))


def _too_large(most: int) -> Failure:
    hint = "set jobs.max-result under [serving] in algo.toml"
    return Failure(500, "result_too_large", f"the result is over {most} bytes", hint=hint)
