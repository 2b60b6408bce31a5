"""Runner processes: start one, have it fork workers where it can, learn how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.config import search_path
from algo_gateway.wire.frames import Channel, Reply
from algo_gateway.wire.spawning import Spawned, spawn, widen
from algo_gateway.wire.unread import Unread
from algo_gateway.workers.generations import Template
from algo_gateway.workers.worker import LoadFailed, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo_gateway.config import Description, Options

    Logged = Callable[[Reply, bytes], None]

PROTOCOL = 1
# With this word a runner tells what its process left on standard error.
TRACE = "--trace"
# A process whose end was reported may have frames in its pipe that we have not read.
LINGER = 0.2
# How many past endings are remembered for those who ask why.
ENDINGS = 64


class Runner:
    """Makes workers of one algorithm.

    A runner that can fork is started once as the parent that has imported the packages;
    any other is started anew for each worker.

    Args:
        command: The runner's command line.
        first: A process of it that was started already.
        hello: The frame that every process of it is told first.
        concurrency: Calls in flight per worker.
        on_idle: Called when a worker has answered a call.
        before: The runner that this one takes over from. Either may collect a child of the other.
        forks: Whether workers may be forked at all.
    """

    def __init__(
        self,
        command: Sequence[str],
        hello: bytes,
        concurrency: int,
        on_idle: Callable[[Worker], None],
        first: Spawned | None = None,
        before: Runner | None = None,
        *,
        forks: bool = True,
    ) -> None:
        self._command = list(command)
        self._hello_frame = hello
        self._concurrency = concurrency
        self._on_idle = on_idle
        self._first = first
        self._loop = asyncio.get_running_loop()
        self._parent: Channel | None = None
        self._parent_pid = 0
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._hello: asyncio.Future[Reply] | None = None
        self._number = 0
        # How processes ended, and when that was told: numbers of processes come again.
        self._exits: dict[int, tuple[int, float]] = before._exits if before else {}
        self._workers: dict[int, Worker] = before._workers if before else {}
        self._templates: dict[int, Template] = before._templates if before else {}
        self._own: set[int] = set()
        self._forks = forks
        self.language = ""

    async def worker(
        self, logged: Logged, *, share: str = "", template: Template | None = None
    ) -> Worker:
        """Start a worker and load the algorithm in it.

        Args:
            logged: Takes what user code prints.
            share: When the worker is to become the template of others: how (`Generation`).
            template: Fork it from this one, which has loaded.

        Raises:
            LoadFailed: The author's code did not load; the worker is gone.
            Failure: The process ended before it had loaded, or could not be started.
        """
        try:
            worker = await self._forked(logged, share, template) if self._forks else None
            if worker is None:
                worker = await self._alone()
        except OSError as error:
            raise Failure(502, "runner_failed", f"the runner cannot be started: {error}") from error
        worker.logged = logged
        self._workers[worker.pid] = worker
        self._own.add(worker.pid)
        load: dict[str, object] = {"type": "load"}
        if share:
            load["share"] = share
        try:
            reply = await worker.ask(load, ("ready", "load_error"))
        except Failure as failure:
            reason = await self.reason(worker.pid, failure.message)
            if worker.verdict is not None:
                raise worker.verdict from None
            message = f"the worker ended while it loaded: {reason}"
            raise Failure(502, "worker_died", message) from None
        except asyncio.CancelledError:
            worker.kill()
            raise
        if reply.type == "load_error":
            worker.shut_down()
            raise LoadFailed(reply)
        worker.loaded(reply)
        self._preload(reply.preload)
        return worker

    @property
    def workers(self) -> list[Worker]:
        """Every worker that runs, also those that still load or leave."""
        return list(self._workers.values())

    @property
    def templates(self) -> bool:
        """Whether one that forks workers still runs."""
        return any(isinstance(w, Template) and w.alive for w in self._workers.values())

    async def reason(self, pid: int, said: str = "") -> str:
        """Return how the process `pid` ended, in words."""
        for _ in range(20):
            self.reap()
            if pid in self._exits:
                break
            await asyncio.sleep(0.005)
        code, _ = self._exits.get(pid, (None, 0.0))
        return _in_words(code, said)

    def finished(self) -> bool:
        """Tell whether its last worker has ended; it is closed then."""
        self._own &= self._workers.keys()
        if not self._own:
            self.close()
        return not self._own

    def close(self) -> None:
        """End the parent, and with it every worker that still runs."""
        if self._parent is not None:
            self._parent.close()
        if self._parent_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._parent_pid, signal.SIGTERM)

    def reap(self) -> None:
        """Collect children that ended; as process 1 of a container also those of others."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, code: int) -> None:
        self._exits[pid] = code, self._loop.time()
        while len(self._exits) > ENDINGS:
            del self._exits[next(iter(self._exits))]
        worker = self._workers.pop(pid, None)
        template = self._templates.pop(pid, None)
        if template is not None:
            template.left()
        if worker is not None and worker.channel is not None:
            # Its pipe may stay open in a child that user code started.
            self._loop.call_later(LINGER, worker.channel.finish)

    def _preload(self, modules: list[str]) -> None:
        if self._parent is not None and modules:
            self._parent.send(msgspec.json.encode({"type": "preload", "modules": modules}))

    async def _forked(self, logged: Logged, share: str, template: Template | None) -> Worker | None:
        """Have the parent, or `template`, fork a worker; None when this runner cannot fork."""
        if self._parent is None or self._parent.closed:
            hello = await self._start_parent()
            if "fork" not in hello.capabilities:
                self._never_fork()
                return None
        self._number += 1
        began = self._loop.time()
        # It lives until the worker has opened its ends, so that a killed gateway leaves none.
        folder = Path(tempfile.mkdtemp(prefix=f"algo-pipes-{os.getpid()}-"))
        requests, replies = folder / "in", folder / "out"
        os.mkfifo(requests, 0o600)
        os.mkfifo(replies, 0o600)
        # Both ends of the request pipe are ours until the worker has opened its own: opening
        # only the writing end fails while nobody reads.
        sink = os.open(requests, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        source = os.open(replies, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        widen(sink)
        widen(source)
        kind = Template if share else Worker
        worker = kind(0, self._concurrency, self._on_idle)
        worker.logged = logged
        worker.attach(self._loop, source, sink)
        assert worker.channel is not None
        # The worker's first word says that it has opened its ends.
        opened = worker.expect("hello")
        try:
            fork = self._fork if template is None else template.fork
            worker.pid = await fork(self._number, str(requests), str(replies))
            if not worker.pid:
                opened.cancel()
                worker.channel.close()
                self._never_fork()
                return None
            self._workers[worker.pid] = worker
            if template is not None:
                self._templates[worker.pid] = template
                template.family += 1
            if self._exits.get(worker.pid, (0, 0.0))[1] > began:
                # Both ways, of which one told us that it lives, the other that it ended.
                self._ended(worker.pid, self._exits[worker.pid][0])
            await opened
            alone = os.open(requests, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            worker.channel.replace_sink(alone)
        except BaseException:
            opened.cancel()
            worker.kill()
            worker.channel.close()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return worker

    def _never_fork(self) -> None:
        """Start every worker as a process of its own from now on."""
        self._forks = False
        self.close()
        self._parent_pid = 0

    def _fork(self, number: int, requests: str, replies: str) -> asyncio.Future[int]:
        assert self._parent is not None
        forked: asyncio.Future[int] = self._loop.create_future()
        self._waiting[number] = forked
        header = {"type": "fork", "id": number, "requests": requests, "replies": replies}
        self._parent.send(msgspec.json.encode(header))
        return forked

    async def _start_parent(self) -> Reply:
        self._hello = self._loop.create_future()
        spawned, self._first = self._first or spawn(self._command), None
        self._parent_pid = spawned.pid
        self._parent = Channel(
            self._loop, spawned.source, spawned.sink, self._parent_frame, self._parent_closed
        )
        self._parent.send(self._hello_frame)
        return await self._hello

    async def _alone(self) -> Worker:
        """Start a process that is a worker by itself."""
        spawned, self._first = self._first or spawn(self._command), None
        worker = Worker(spawned.pid, self._concurrency, self._on_idle)
        worker.attach(self._loop, spawned.source, spawned.sink)
        assert worker.channel is not None
        said = worker.expect("hello")
        worker.channel.send(self._hello_frame)
        try:
            hello = await said
        except asyncio.CancelledError:
            worker.kill()  # nobody else knows of it yet
            raise
        self._check(hello)
        teller = [*self._command, TRACE] if "trace" in hello.capabilities else []
        worker.unread = Unread(worker.pid, hello.unread, teller)
        return worker

    def _parent_frame(self, reply: Reply, body: bytes) -> None:
        if reply.type == "hello" and self._hello is not None and not self._hello.done():
            try:
                self._check(reply)
            except Failure as failure:
                self._hello.set_exception(failure)
            else:
                self._hello.set_result(reply)
        elif reply.type == "forked":
            future = self._waiting.pop(reply.id, None)
            if future is not None and not future.done():
                future.set_result(reply.pid)
        elif reply.type == "exited":
            self._ended(reply.pid, int(reply.code))

    def _parent_closed(self, reason: str) -> None:
        self.reap()
        code, _ = self._exits.get(self._parent_pid, (None, 0.0))
        failure = Failure(502, "runner_died", f"the runner ended: {_in_words(code, reason)}")
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(failure)
        for forked in self._waiting.values():
            if not forked.done():
                forked.set_exception(failure)
        self._waiting.clear()

    def _check(self, reply: Reply) -> None:
        if reply.protocol != PROTOCOL:
            message = f"the runner speaks protocol {reply.protocol}, the gateway {PROTOCOL}"
            raise Failure(502, "runner_protocol", message)
        self.language = reply.language


def hello_frame(options: Options, description: Description) -> bytes:
    """Return what every process of a runner is told first."""
    packages = search_path(options)
    return msgspec.json.encode(
        {
            "type": "hello",
            "protocol": PROTOCOL,
            "app": str(options.app),
            "packages": str(packages) if packages else None,
            "entrypoint": description.entrypoint,
            "models": description.models,
            "concurrency": description.serving.concurrency,
            "development": options.development,
            "gpu": options.gpu or description.gpu,
            "written_for": description.written_for,
        }
    )


def _in_words(code: int | None, said: str) -> str:
    if code is None:
        return said or "it closed its pipes"
    if code < 0:
        try:
            return f"it was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"it was killed by signal {-code}"
    return f"it exited with code {code}" + (f" ({said})" if said else "")
