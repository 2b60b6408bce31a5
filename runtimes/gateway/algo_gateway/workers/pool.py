"""The workers: start, reload, stop. `Care` looks after them meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.workers import memory
from algo_gateway.workers.care import Care, out_of_memory
from algo_gateway.workers.generations import ALWAYS, NEVER, Generation
from algo_gateway.workers.gpu import ran_out, too_tight
from algo_gateway.workers.queue import Queue
from algo_gateway.workers.reload import Outcome, fault_of
from algo_gateway.workers.sources import Sources
from algo_gateway.workers.worker import LoadFailed, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from algo_gateway.calls.declared import Declared
    from algo_gateway.config import Serving
    from algo_gateway.observe.metrics import Metrics
    from algo_gateway.wire.frames import Reply
    from algo_gateway.wire.spawning import Spawned
    from algo_gateway.workers.processes import Runner
    from algo_gateway.workers.recipe import Recipe

SWAP_PATIENCE = 1.0
# How often workers that have read different files are asked again before new ones are made.
AGREEING = 3
LOAD_PATIENCE = 1.0
# What a load is told as that gave way to a newer edit.
OVERTAKEN = "overtaken"
# For how long code that was written meanwhile is read again, and how often at least. Code that
# writes its own is done then.
AGAIN_SECONDS, AGAIN = 1.0, 2
# A new worker would need the GPU's memory beside the old one's: a swap is worth waiting for.
GPU_PATIENCE = 10.0


class Torn(Failure):
    """Code loaded that was being written meanwhile: what was read may be half of a file."""

    def __init__(self) -> None:
        super().__init__(503, OVERTAKEN, "the code was written while it loaded")


class Pool:
    """Keeps as many workers as there should be, and `queue` fed with them."""

    def __init__(
        self,
        recipe: Recipe,
        metrics: Metrics,
        logged: Callable[[Reply, bytes], None],
        say: Callable[[str], None],
    ) -> None:
        self.recipe = recipe
        self.serving = recipe.serving
        self._metrics = metrics
        self._logged = logged
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._care = Care(self, metrics, say)
        self._begun = asyncio.Event()
        self._loading: asyncio.Task[list[Worker]] | None = None
        self._loading_since = 0.0
        # Files that changed since the code that serves was read.
        self._unserved: dict[str, None] = {}
        # What must not change until code that loads is let in.
        self._sources: Sources | None = None
        self.runner: Runner | None = None
        self._retired: list[Runner] = []
        self._generation: Generation | None = None
        self.workers: list[Worker] = []
        self.queue = Queue(self.serving, metrics, self.workers)
        self.leaving: set[Worker] = set()
        self.failed: Reply | None = None
        self.schema: dict[str, object] = {}
        self._declared: tuple[object, Declared] | None = None
        self.stopping = False
        # Set once a reload has brought code into service.
        self.reloaded = asyncio.Event()
        # Called when a place may have come free, while somebody waits for one.
        self.spare: Callable[[], None] | None = None

    @property
    def ready(self) -> bool:
        """Whether a call would be answered by an algorithm."""
        return bool(self.workers) and not self.stopping

    @property
    def sides(self) -> dict[str, Any]:
        """What is known of input and output: the code's own types, else `schema.json`."""
        contract = self.recipe.description.contract
        declared = self.declared
        if declared is not None and not declared.takes_strings:
            contract = {"accepts": ["application/json"], **contract}
        return {**contract, **self.schema}

    @property
    def declared(self) -> Declared | None:
        """What inputs are held against here, None where the code's own types do it, or nobody."""
        contract = self.recipe.description.contract
        if "input" not in contract or "input" in self.schema:
            return None
        if self._declared is None or self._declared[0] is not contract:
            from algo_gateway.calls.declared import Declared

            self._declared = (contract, Declared(contract["input"]))
        return self._declared[1]

    @property
    def running(self) -> int:
        """How many calls are being answered."""
        return sum(w.begun for w in (*self.workers, *self.leaving))

    async def start(self, first: Spawned) -> None:
        """Start the workers; `first` is a process of the runner.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: The runner did not start, or an edit came before the code had loaded.
        """
        self.runner = self.recipe.runner(self.idle, first=first)
        self._generation = self._next_generation(self.runner, self.serving)
        self._care.begin()
        async with self._one_at_a_time:
            self._begun.set()
            for _ in range(self.serving.workers):
                (worker,) = await self._new_workers(1, self._generation)
                self._admit(worker)

    async def reload(
        self, changed: Sequence[str], wanted: Recipe, *, force: bool = False
    ) -> Outcome:
        """Bring files that changed, and `wanted`, into service (`_bring`), and count that."""
        began = time.perf_counter()
        outcome = await self._bring(changed, wanted, force=force)
        word = "ok" if outcome.ok else "failed"
        if outcome.error is not None and outcome.error.type == OVERTAKEN:
            word = outcome.error.type
        rung = outcome.rung if outcome.ok else ""
        self._metrics.reloaded(rung, word, time.perf_counter() - began)
        return outcome

    async def _bring(self, changed: Sequence[str], wanted: Recipe, *, force: bool) -> Outcome:
        """Bring files that changed, and `wanted`, into service; on failure the old code goes on.

        Workers that load an older version of the code give way, which may never end, unless
        they are about to; also those that the service starts with.
        """
        began = time.perf_counter()
        await self._begun.wait()
        self._unserved |= dict.fromkeys(changed)
        if self._loading is not None:
            patience = self._loading_since + LOAD_PATIENCE - began
            self._loop.call_later(max(0.0, patience), self._loading.cancel)
        async with self._one_at_a_time:
            # A file that changes again from now on has to be brought again.
            served, self._unserved = self._unserved, {}
            try:
                rung = await self._bring_whole(changed, served, wanted, force=force)
            except (LoadFailed, Failure) as failure:
                self._unserved = served | self._unserved
                problem = failure.reply if isinstance(failure, LoadFailed) else failure
                if isinstance(failure, LoadFailed) and not self.workers:
                    self.failed = failure.reply
                return Outcome(ok=False, error=fault_of(problem))
        self.reloaded.set()
        milliseconds = round((time.perf_counter() - began) * 1000, 1)
        return Outcome(ok=True, rung=rung, milliseconds=milliseconds)

    async def stop(self, grace: float) -> None:
        """Answer what was accepted, for at most `grace` seconds, and end the workers."""
        self.stopping = self.queue.closed = True
        end = time.monotonic() + grace
        while (self.queue or self.running) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        stopping = Failure(503, "stopping", "the service stopped before the call ended")
        self.queue.fail(stopping)
        for worker in (*self.workers, *self.leaving):
            for call in worker.calls.values():
                call.fail(stopping)
            worker.shut_down()
        self._care.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)
        if self.runner is not None:
            if self._generation is not None:
                self._generation.retire()
            await self._ended(0.5)
            for worker in (*self.workers, *self.leaving):
                if worker.alive:
                    worker.kill()
            self.close()

    def close(self) -> None:
        """End the runners, and with them every worker that still runs."""
        for runner in (self.runner, *self._retired):
            if runner is not None:
                runner.close()

    async def _ended(self, seconds: float) -> None:
        assert self.runner is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end and (
            any(w.alive for w in (*self.workers, *self.leaving)) or self.runner.templates
        ):
            await asyncio.sleep(0.01)

    async def _bring_whole(
        self, changed: Sequence[str], unserved: Collection[str], wanted: Recipe, *, force: bool
    ) -> str:
        """Bring what is `unserved`, and read it again where it was written meanwhile.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: A process ended before it had loaded, or a newer edit came.
        """
        described = self.recipe.description
        sources = Sources(self.recipe.options.app, (described.entrypoint, *unserved))
        began, count = time.perf_counter(), 0
        while True:
            await sources.settle()
            count += 1
            last = count > AGAIN and time.perf_counter() - began > AGAIN_SECONDS
            self._sources = None if last else sources
            try:
                return await self._bring_now(changed, unserved, wanted, force=force)
            except LoadFailed:
                if last or not await sources.changed():
                    raise
            except Torn:
                pass
            finally:
                self._sources = None
            if self._unserved:
                raise Torn  # who told of it brings all

    async def _refuse_torn(self) -> None:
        if self._sources is not None and await self._sources.changed():
            raise Torn

    async def _bring_now(
        self, changed: Sequence[str], unserved: Collection[str], wanted: Recipe, *, force: bool
    ) -> str:
        """Bring what is `unserved`; return the rung, `earlier` where `changed` is served already.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: A process ended before it had loaded, or a newer edit came.
        """
        same = not force and wanted.rung_from(self.recipe) == "none"
        if changed and same and self.workers and not set(changed) & set(unserved):
            return "earlier"
        return await self._reload(tuple(unserved), wanted, force=force)

    async def _reload(self, changed: Sequence[str], wanted: Recipe, *, force: bool) -> str:
        rung = wanted.rung_from(self.recipe)
        if rung in {"environment", "program", "worker"}:
            await self._renew(wanted)
            return rung
        same = rung
        rung = "worker" if force or not self.workers else "none"
        if rung == "none" and changed:
            rung = await self._in_place(changed)
        if rung == "worker":
            assert self.runner is not None
            generation = self._next_generation(self.runner, wanted.serving)
            fresh = await self._successors(wanted, generation)
            self._replace_all(fresh, generation)
        self._go_by(wanted)
        return same if rung == "none" else rung

    async def _renew(self, wanted: Recipe) -> None:
        """Let workers of a new runner take over, and the old runner end after its own.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: The new runner did not start, or a newer edit came.
        """
        assert self.runner is not None
        try:
            runner = wanted.runner(self.idle, before=self.runner)
        except (OSError, ValueError, KeyError) as error:
            raise Failure(502, "runner_failed", f"the runner cannot be started: {error}") from error
        generation = self._next_generation(runner, wanted.serving)
        try:
            fresh = await self._successors(wanted, generation)
        except BaseException:
            self._retired.append(runner)
            raise
        self._retired.append(self.runner)
        self.runner = runner
        self._replace_all(fresh, generation)
        self._go_by(wanted)

    def _go_by(self, wanted: Recipe) -> None:
        """Serve by the limits of `wanted`, with as many workers as it says."""
        self.recipe, self.serving = wanted, wanted.serving
        self.queue.limit(wanted.serving)
        for worker in self.workers[wanted.serving.workers :]:
            self.workers.remove(worker)
            self.let_go(worker)
        if len(self.workers) < wanted.serving.workers:
            generation = self._generation
            if generation is not None and generation.for_one:
                # The one worker loaded for itself; those to come share what another one loads.
                self._generation = self._next_generation(generation.runner, wanted.serving)
            self.spawn(self._care.refill())

    def _replace_all(self, fresh: Sequence[Worker], generation: Generation) -> None:
        """Let the `fresh` workers, and others of their generation, take what comes from now on."""
        if self._generation is not None:
            self._generation.retire()
        self._generation = generation
        old = self.workers.copy()
        self.workers.clear()
        for worker in fresh:
            self._admit(worker)
        for worker in old:
            self.let_go(worker)
        self._care.forget()

    async def _successors(self, wanted: Recipe, generation: Generation) -> list[Worker]:
        """Return new workers, beside the old ones or, where a GPU has no room for both, after.

        Raises:
            LoadFailed: The author's code did not load; the old workers may have ended.
            Failure: A process ended before it had loaded, or a newer edit came.
        """
        count = wanted.serving.workers
        if not too_tight(self.workers, count):
            try:
                return await self._new_workers(count, generation)
            except LoadFailed as failure:
                if not (self.workers and ran_out(failure.reply)):
                    raise
        self._say("the GPU's memory does not hold old and new: the old ones end first")
        await self._leave()
        try:
            return await self._new_workers(count, generation)
        except (LoadFailed, Failure):
            self.spawn(self._care.refill())  # none is left to go on serving
            raise

    async def _leave(self) -> None:
        """End the workers after the calls that they have; what comes meanwhile waits."""
        old = self.workers.copy()
        self.workers.clear()
        for worker in old:
            self.let_go(worker)
        while any(worker.alive for worker in old):
            await asyncio.sleep(0.01)

    async def _new_workers(self, count: int, generation: Generation) -> list[Worker]:
        """Return loaded workers; when one of them fails, all are ended.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: A process ended before it had loaded, or a newer edit came.
        """
        self._loading = self._loop.create_task(self._load(count, generation))
        self._loading_since = time.perf_counter()
        try:
            await asyncio.wait({self._loading})
            if self._loading.cancelled():
                raise Failure(503, OVERTAKEN, "a newer edit came before this one had loaded")
            return self._loading.result()
        finally:
            self._loading.cancel()
            self._loading = None

    async def _load(self, count: int, generation: Generation) -> list[Worker]:
        fresh: list[Worker] = []
        try:
            for _ in range(count):
                fresh.append(await generation.worker(self._logged))
                size, limit = memory.resident(fresh[-1].pid), self.serving.worker_memory
                if limit and size > limit:
                    raise out_of_memory(size, limit)
            await self._refuse_torn()
        except BaseException:
            for worker in fresh:
                worker.shut_down()
            if generation is not self._generation:
                generation.retire()
            raise
        return fresh

    def _next_generation(self, runner: Runner, serving: Serving) -> Generation:
        for_one = serving.workers == 1 and serving.preload != ALWAYS
        share = NEVER if for_one or self.recipe.alone else serving.preload
        return Generation(runner, share, self._say, for_one=for_one)

    async def _in_place(self, changed: Sequence[str]) -> str:
        """Swap the code in every worker; return the rung, `worker` when new ones are needed."""
        asked = list(self.workers)
        template = self._generation.template if self._generation is not None else None
        if template is not None and template.alive:
            asked.append(template)
        for _ in range(AGREEING):
            replies = await asyncio.gather(*(self._prepare(worker, changed) for worker in asked))
            fault = next((one for one in replies if one and one.type == "load_error"), None)
            rungs = {"worker" if one is None else one.rung for one in replies}
            # Each read the files for itself: an edit in between is another version.
            agreed = len({one.sources for one in replies if one and one.rung == "swap"}) < 2
            # All of them or none: no two versions answer side by side.
            swaps = fault is None and "worker" not in rungs and agreed
            torn = swaps and self._sources is not None and await self._sources.changed()
            for worker in asked:
                worker.settle(swap=swaps and not torn)
            if torn:
                raise Torn
            if agreed or "worker" in rungs:
                break
        if fault is not None:
            raise LoadFailed(fault)
        if not swaps or "swap" not in rungs:
            return "none" if swaps else "worker"
        self.schema = next(one.described for one in replies if one) or self.schema
        return "swap"

    async def _prepare(self, worker: Worker, changed: Sequence[str]) -> Reply | None:
        """Have a worker get the new code ready; None when a new worker would answer sooner."""
        message: dict[str, object] = {"type": "reload", "changed": list(changed)}
        asked = worker.ask(message, ("reloaded", "load_error"))
        patience = GPU_PATIENCE if self.recipe.gpu or worker.room else SWAP_PATIENCE
        try:
            reply = await asyncio.wait_for(asked, patience)
        except (TimeoutError, Failure):
            return None  # it is busy with a long call, or dead
        worker.measure(reply)
        return reply

    def _admit(self, worker: Worker) -> None:
        worker.died = self._care.died
        worker.withdrew = self._care.withdrew
        worker.worked = self._metrics.worked
        if not worker.alive:
            self._care.died(worker, "")
            return
        self.workers.append(worker)
        self.failed = None
        self.schema = dict(worker.reply.described)
        self.queue.dispatch()

    def let_go(self, worker: Worker) -> None:
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
        self.queue.refill(worker)
        if self.spare is not None:
            self.spare()

    async def add_worker(self) -> None:
        """Start one worker, unless there are enough.

        Raises:
            LoadFailed: The author's code did not load.
            Failure: The process ended before it had loaded, or a newer edit came.
        """
        async with self._one_at_a_time:
            if len(self.workers) >= self.serving.workers:
                return
            assert self._generation is not None
            (worker,) = await self._new_workers(1, self._generation)
            self._admit(worker)

    def collect(self) -> None:
        """Collect processes that ended, and runners whose last one did."""
        if self.runner is not None:
            self.runner.reap()
        if self._retired:
            self._retired = [runner for runner in self._retired if not runner.finished()]

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` beside everything else, until the service stops."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
