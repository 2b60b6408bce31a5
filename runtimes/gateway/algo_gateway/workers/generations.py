"""Workers of one version of the code: one loads it, the others share what it loaded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.workers.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_gateway.wire.frames import Reply
    from algo_gateway.workers.processes import Runner

    Logged = Callable[[Reply, bytes], None]

# How long a worker that was forked from a loaded one may take until it speaks. A lock that a
# library held at the fork is held for good; then each worker loads by itself.
FORKED_PATIENCE = 10.0
NEVER, AUTO, ALWAYS = "never", "auto", "always"


class Template(Worker):
    """A loaded worker that forks others instead of answering calls."""

    def __init__(self, pid: int, concurrency: int, on_idle: Callable[[Worker], None]) -> None:
        super().__init__(pid, concurrency, on_idle)
        self.family = 0
        self.retired = False
        self._forks: dict[int, asyncio.Future[int]] = {}

    def fork(self, number: int, requests: str, replies: str) -> asyncio.Future[int]:
        """Fork a worker that opens these two FIFOs; return a future of its pid."""
        assert self.channel is not None
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forks[number] = forked
        header = {"type": "fork", "id": number, "requests": requests, "replies": replies}
        self.channel.send(msgspec.json.encode(header))
        return forked

    def left(self) -> None:
        """One of those it forked has ended."""
        self.family -= 1
        if self.retired and not self.family:
            self.shut_down()

    def retire(self) -> None:
        """Fork no more; end after those that were forked, whose temporary files it may hold."""
        self.retired = True
        if not self.family:
            self.shut_down()

    def _frame(self, reply: Reply, body: bytes) -> None:
        if reply.type != "forked":
            super()._frame(reply, body)
            return
        forked = self._forks.pop(reply.id, None)
        if forked is not None and not forked.done():
            forked.set_result(reply.pid)

    def _closed(self, reason: str) -> None:
        for forked in self._forks.values():
            if not forked.done():
                forked.set_exception(Failure(502, "worker_died", reason or "the template ended"))
        self._forks.clear()
        super()._closed(reason)


class Generation:
    """Makes workers that all have the same version of the code.

    Args:
        runner: Starts processes.
        share: `never`; `auto`: share where nothing speaks against it; `always`: also where the
            author alone can tell that it does no harm.
        say: Takes a line for the log.
        for_one: Whether there is but one worker, which has nobody to share with.
    """

    def __init__(
        self, runner: Runner, share: str, say: Callable[[str], None], *, for_one: bool = False
    ) -> None:
        self.runner = runner
        self.for_one = for_one
        self._share = share
        self._say = say
        self.template: Template | None = None

    async def worker(self, logged: Logged) -> Worker:
        """Return a loaded worker.

        Raises:
            LoadFailed: The author's code did not load; the worker is gone.
            Failure: The process ended before it had loaded, or could not be started.
        """
        if self._share == NEVER:
            return await self.runner.worker(logged)
        if self.template is None or not self.template.alive:
            first = await self.runner.worker(logged, share=self._share)
            if not isinstance(first, Template) or not first.reply.share:
                self._alone(first.reply.alone or f"a runner of {self.runner.language} cannot")
                return first
            self.template = first
        try:
            return await asyncio.wait_for(
                self.runner.worker(logged, template=self.template), FORKED_PATIENCE
            )
        except TimeoutError:
            self.template.kill()
            self.template = None
            self._alone("a forked worker did not begin")
            return await self.runner.worker(logged)

    def retire(self) -> None:
        """Make no more workers; those that were made go on."""
        if self.template is not None:
            self.template.retire()

    def _alone(self, why: str) -> None:
        self._share = NEVER
        self._say(f"each worker loads by itself, as what load() made cannot be shared: {why}")
