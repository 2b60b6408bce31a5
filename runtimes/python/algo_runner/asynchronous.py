"""A worker whose `apply` is `async`: its calls run side by side on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from typing import TYPE_CHECKING, Any

from algo_runner.algorithm import with_state
from algo_runner.batches import answer_async
from algo_runner.capture import current_call
from algo_runner.frames import Header, ProtocolError
from algo_runner.traces import enter

if TYPE_CHECKING:
    from algo_runner.worker import Worker


def serve(worker: Worker) -> None:
    """Load on a loop, then answer frames on it until the file ends or `shutdown` comes."""
    asyncio.run(_Loop(worker).run())


class _Loop:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # Of streams whose reader is slow, what they wait for.
        self._gates: dict[int, asyncio.Event] = {}
        self._places = asyncio.Semaphore(worker.settings.concurrency)

    async def run(self) -> None:
        began = time.perf_counter()
        worker, header = self._worker, {"type": "load", "id": 0}
        algorithm = worker.loaded
        try:
            with worker.watch(algorithm) as watch:
                state = algorithm.load_state(worker.settings.models)
                if inspect.isawaitable(state):
                    state = await state
        except BaseException as error:
            worker.load_error(header, error)
            return
        worker.algorithm = with_state(algorithm, state, watch.loaded)
        worker.ready(header, began)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(worker.frames.source, self._readable, ended)
        self._take(ended)
        await ended
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _readable(self, ended: asyncio.Future[None]) -> None:
        try:
            if not self._worker.frames.fill():
                self._end(ended)
                return
        except (OSError, ProtocolError) as error:
            self._end(ended, error)
            return
        self._take(ended)

    def _take(self, ended: asyncio.Future[None]) -> None:
        try:
            while not ended.done() and (frame := self._worker.frames.take()) is not None:
                if not self._handle(*frame):
                    self._end(ended)
        except ProtocolError as error:
            self._end(ended, error)

    def _end(self, ended: asyncio.Future[None], error: BaseException | None = None) -> None:
        asyncio.get_running_loop().remove_reader(self._worker.frames.source)
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def _handle(self, header: Header, body: bytes) -> bool:
        if header["type"] in {"call", "batch"}:
            # A batch has no number: nobody can cancel it, only stop waiting for a part.
            number = header.get("id", -header["calls"][0]["id"] if "calls" in header else 0)
            task = asyncio.get_running_loop().create_task(self._call(header, body))
            self._tasks[number] = task
            task.add_done_callback(lambda task: self._done(task, number, header))
            return True
        if header["type"] == "cancel":
            waiting = self._tasks.get(header.get("id", -1))
            if waiting is not None:
                waiting.cancel()
            return True
        if header["type"] == "pause":
            if header.get("id") in self._tasks:
                self._gates.setdefault(header["id"], asyncio.Event())
            return True
        if header["type"] == "resume":
            gate = self._gates.pop(header.get("id", -1), None)
            if gate is not None:
                gate.set()
            return True
        return self._worker.handle(header, body)

    def _done(self, task: asyncio.Task[None], number: int, header: Header) -> None:
        self._tasks.pop(number, None)
        self._gates.pop(number, None)
        if task.cancelled():  # before it had begun: it could not answer by itself
            self._worker.failed(header, asyncio.CancelledError())

    async def _call(self, header: Header, body: bytes) -> None:
        worker = self._worker
        if worker.loaded.batch:
            await answer_async(worker, header, body)
            return
        current_call.set(header["id"])
        if "traceparent" in header:
            enter(header, alone=False)  # in this task's own context
        try:
            async with self._places:
                algorithm = worker.loaded
                value = algorithm.read(body, header.get("content_type", ""))
                await self._answer(header, algorithm.call(value))
        except BaseException as error:
            worker.failed(header, error)

    async def _answer(self, header: Header, result: Any) -> None:
        if inspect.isawaitable(result):
            result = await result
        if inspect.isasyncgen(result):
            async with contextlib.aclosing(result) as pieces:
                async for piece in pieces:
                    await self._piece(header, piece)
            self._worker.ended(header)
        elif inspect.isgenerator(result):
            with contextlib.closing(result) as pieces:
                for piece in pieces:
                    await self._piece(header, piece)
            self._worker.ended(header)
        else:
            self._worker.piece(header, "result", result)

    async def _piece(self, header: Header, piece: Any) -> None:
        self._worker.piece(header, "chunk", piece)
        gate = self._gates.get(header["id"])
        # Without a gate: other calls, and a `cancel` of this one.
        await (asyncio.sleep(0) if gate is None else gate.wait())
