"""The queue on its own: calls that wait for others leave together, and none waits for ever."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from algo_gateway.config import Batch, Serving
from algo_gateway.observe.metrics import Metrics
from algo_gateway.wire.frames import Reply
from algo_gateway.workers.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo_gateway.calls.call import Call
    from algo_gateway.workers.worker import Worker


class BatchWorker:
    """A worker that takes batches and answers when it is told to."""

    concurrency = limit = 1

    def __init__(self) -> None:
        self.reply = Reply("ready", batch=True)
        self.calls: dict[int, Call] = {}
        self.batches: list[int] = []
        self.batch = 0
        self.batch_began = 0.0

    @property
    def begun(self) -> int:
        return len(self.calls)

    def send_batch(self, calls: Sequence[Call]) -> None:
        self.batches.append(len(calls))
        self.calls = {call.id: call for call in calls}
        self.batch, self.batch_began = len(calls), time.monotonic()

    def answer(self, queue: Queue, seconds: float) -> None:
        """Answer the batch as if it had taken `seconds`."""
        self.calls.clear()
        self.batch_began = time.monotonic() - seconds
        queue.refill(cast("Worker", self))


def queue_of(worker: BatchWorker, max_wait: float) -> Queue:
    serving = Serving(batch=Batch(max_size=8, max_wait=max_wait))
    return Queue(serving, Metrics(), [cast("Worker", worker)])


def submit(queue: Queue, count: int = 1) -> None:
    for _ in range(count):
        queue.submit("application/json", b"1", asyncio.Event().wait)


async def learn(queue: Queue, worker: BatchWorker, fixed: float, each: float) -> None:
    """Let batches of several sizes cost `fixed` and `each`, their calls coming at once."""
    for size in (1, 2, 4, 8, 3, 5):
        submit(queue)
        submit(queue, size)
        async with asyncio.timeout(10):
            while queue or worker.calls:
                if worker.calls:
                    worker.answer(queue, fixed + each * worker.batch)
                await asyncio.sleep(0.001)
    worker.batches.clear()


def test_calls_wait_for_each_other_where_a_batch_is_dear() -> None:
    async def scene() -> None:
        worker = BatchWorker()
        queue = queue_of(worker, max_wait=0.05)
        await learn(queue, worker, fixed=0.5, each=0.0)
        submit(queue, 3)
        assert worker.batches == []
        await asyncio.sleep(0.1)
        assert worker.batches == [3]

    asyncio.run(scene())


def test_a_full_batch_waits_for_nobody() -> None:
    async def scene() -> None:
        worker = BatchWorker()
        queue = queue_of(worker, max_wait=10)
        await learn(queue, worker, fixed=0.5, each=0.0)
        submit(queue, 8)
        assert worker.batches == [8]

    asyncio.run(scene())


def test_a_call_leaves_at_once_where_waiting_gains_nothing() -> None:
    async def scene() -> None:
        worker = BatchWorker()
        queue = queue_of(worker, max_wait=10)
        await learn(queue, worker, fixed=0.0, each=0.5)
        submit(queue, 3)
        assert worker.batches == [1]
        worker.answer(queue, 0.5)
        assert worker.batches == [1, 2]

    asyncio.run(scene())
