"""The thread that has the store: many steps in one transaction, so that they share its sync."""

from __future__ import annotations

import queue
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from algo_gateway.jobs.store import Store

T = TypeVar("T")
_TOGETHER = 256


class _Step:
    """Work for the thread, and who waits for it."""

    __slots__ = ("durable", "error", "future", "result", "work")

    def __init__(self, work: Callable[[Store], Any], durable: bool, future: asyncio.Future[Any]):
        self.work = work
        self.durable = durable
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None


class Desk:
    """Hands work to a thread of its own; an answer means that the work is on the disk."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: queue.SimpleQueue[_Step | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self, make: Callable[[], Store]) -> None:
        """Start the thread with the store that `make` opens.

        Raises:
            Exception: What `make` raised.
        """
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(make, opened), name="jobs", daemon=True
        )
        self._thread.start()
        await opened

    def do(self, work: Callable[[Store], T], *, durable: bool = True) -> asyncio.Future[T]:
        """Let the thread do `work`, and return what comes of it.

        Args:
            work: Called with the store; what it wrote is undone when it raises.
            durable: It must outlive a loss of power, not only of this process.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._steps.put(_Step(work, durable, future))
        return future

    async def close(self) -> None:
        """Do what is to be done still, and close the store."""
        if self._thread is not None:
            self._steps.put(None)
            await self._loop.run_in_executor(None, self._thread.join, 5.0)

    def _run(self, make: Callable[[], Store], opened: asyncio.Future[None]) -> None:
        try:
            store = make()
        except Exception as error:
            self._tell(_settle, opened, None, error)
            return
        self._tell(_settle, opened, None, None)
        going = True
        while going:
            steps, going = self._next()
            if steps:
                _together(store, steps)
                self._tell(_answer, steps)
        store.close()

    def _next(self) -> tuple[list[_Step], bool]:
        """Wait for work; return it with all that came meanwhile, and whether more may come."""
        steps: list[_Step] = []
        step = self._steps.get()
        while step is not None:
            steps.append(step)
            if len(steps) == _TOGETHER or self._steps.empty():
                return steps, True
            step = self._steps.get()
        return steps, False

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:
            return  # the loop is closed: nobody waits


def _together(store: Store, steps: list[_Step]) -> None:
    """Do `steps` in one transaction; if one of them fails, each in its own."""
    try:
        _transaction(store, steps)
    except Exception as error:
        if len(steps) == 1:
            steps[0].error = error
            return
        for step in steps:
            _together(store, [step])


def _transaction(store: Store, steps: list[_Step]) -> None:
    durable = any(step.durable for step in steps)
    store.db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    store.db.execute("BEGIN")
    try:
        for step in steps:
            step.result = step.work(store)
        store.db.execute("COMMIT")
    except BaseException:
        # SQLite has undone it already where the disk is full.
        if store.db.in_transaction:
            store.db.execute("ROLLBACK")
        store.recount()
        raise


def _answer(steps: list[_Step]) -> None:
    for step in steps:
        _settle(step.future, step.result, step.error)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


Trouble = (sqlite3.Error, OSError)
