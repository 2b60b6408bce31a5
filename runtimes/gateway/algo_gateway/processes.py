"""Runner processes: start one, have it fork workers where it can, learn how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls import Failure
from algo_gateway.frames import Channel, Reply
from algo_gateway.worker import LoadFailed, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo_gateway.config import Description, Options

PROTOCOL = 1
LOAD = b'{"type":"load"}'


class Runner:
    """Makes workers of one algorithm.

    A runner that can fork is started once as the parent that has imported the packages;
    any other is started anew for each worker.
    """

    def __init__(
        self,
        command: Sequence[str],
        options: Options,
        description: Description,
        on_idle: Callable[[Worker], None],
    ) -> None:
        self._command = list(command)
        self._options = options
        self._description = description
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._parent: Channel | None = None
        self._parent_pid = 0
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._hello: asyncio.Future[Reply] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="algo-pipes-"))
        self._number = 0
        self._exits: dict[int, int] = {}
        self._forks = True
        self.language = ""

    async def worker(self, logged: Callable[[Reply, bytes], None]) -> Worker:
        """Start a worker and load the algorithm in it.

        Raises:
            LoadFailed: The author's code did not load; the worker is gone.
            Failure: The process ended before it had loaded.
        """
        worker = await self._forked() if self._forks else None
        if worker is None:
            worker = await self._alone()
        worker.logged = logged
        assert worker.channel is not None
        try:
            reply = await worker.ask({"type": "load"}, ("ready", "load_error"))
        except Failure as failure:
            reason = await self.reason(worker.pid, failure.message)
            raise Failure(
                502, "worker_died", f"the worker ended while it loaded: {reason}"
            ) from None
        if reply.type == "load_error":
            worker.shut_down()
            raise LoadFailed(reply)
        worker.reply = reply
        worker.ready = True
        self._preload(reply.preload)
        return worker

    async def reason(self, pid: int, said: str = "") -> str:
        """Return how the process `pid` ended, in words."""
        for _ in range(20):
            self._reap()
            if pid in self._exits:
                break
            await asyncio.sleep(0.005)
        return _in_words(self._exits.pop(pid, None), said)

    def close(self) -> None:
        """End the parent, and with it every worker that still runs."""
        if self._parent is not None:
            self._parent.send(b'{"type":"shutdown"}')
            self._parent.close()
        if self._parent_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._parent_pid, signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def forget(self) -> None:
        """Drop the parent: the next worker comes from a new one, with the files as they are."""
        if self._parent is not None:
            self._parent.close()

    def _preload(self, modules: list[str]) -> None:
        if self._parent is not None and modules:
            self._parent.send(msgspec.json.encode({"type": "preload", "modules": modules}))

    async def _forked(self) -> Worker | None:
        """Have the parent fork a worker; None when this runner cannot fork."""
        if self._parent is None or self._parent.closed:
            hello = await self._start_parent()
            if hello is not None and "fork" not in hello.capabilities:
                self._forks = False
                self.forget()
                return None
        assert self._parent is not None
        self._number += 1
        requests, replies = (self._folder / f"{self._number}.{end}" for end in ("in", "out"))
        os.mkfifo(requests, 0o600)
        os.mkfifo(replies, 0o600)
        # Both ends of the request pipe are ours until the worker has opened its own: opening
        # only the writing end fails while nobody reads.
        sink = os.open(requests, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        source = os.open(replies, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        forked: asyncio.Future[int] = self._loop.create_future()
        self._waiting[self._number] = forked
        fork = {"type": "fork", "id": self._number}
        fork |= {"requests": str(requests), "replies": str(replies)}
        self._parent.send(msgspec.json.encode(fork))
        worker = Worker(0, self._description.serving.concurrency, self._on_idle)
        # The worker's first word says that it has opened its ends.
        opened = worker.expect("hello")
        worker.attach(self._loop, source, sink)
        assert worker.channel is not None
        try:
            worker.pid = await forked
            await opened
            alone = os.open(requests, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            worker.channel.replace_sink(alone)
        except BaseException:
            worker.channel.close()
            raise
        finally:
            requests.unlink(missing_ok=True)
            replies.unlink(missing_ok=True)
        return worker

    async def _start_parent(self) -> Reply | None:
        self._hello = self._loop.create_future()
        source, sink, self._parent_pid = self._spawn()
        self._parent = Channel(self._loop, source, sink, self._parent_frame, self._parent_closed)
        self._parent.send(self._hello_frame())
        return await self._hello

    async def _alone(self) -> Worker:
        """Start a process that is a worker by itself."""
        source, sink, pid = self._spawn()
        worker = Worker(pid, self._description.serving.concurrency, self._on_idle)
        worker.attach(self._loop, source, sink)
        reply = await worker.ask(msgspec.json.decode(self._hello_frame()), ("hello",))
        self._check(reply)
        return worker

    def _spawn(self) -> tuple[int, int, int]:
        """Start the runner's command with its pipes at 3 and 4; return our ends and its pid."""
        theirs_in, sink = _pipe()
        source, theirs_out = _pipe()
        environment = {**os.environ}
        for name in ("PYTHONPATH", "ALGO_CONTROL_TOKEN", "PYTHONSAFEPATH"):
            environment.pop(name, None)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
        ]
        program = shutil.which(self._command[0]) or self._command[0]
        try:
            pid = os.posix_spawn(program, self._command, environment, file_actions=actions)
        except OSError as error:
            os.close(source)
            os.close(sink)
            message = f"the runner cannot be started: {program}: {error.strerror}"
            raise Failure(502, "runner_missing", message) from error
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        return source, sink, pid

    def _hello_frame(self) -> bytes:
        options, description = self._options, self._description
        return msgspec.json.encode(
            {
                "type": "hello",
                "protocol": PROTOCOL,
                "app": str(options.app),
                "packages": str(options.packages) if options.packages else None,
                "entrypoint": description.entrypoint,
                "models": description.models,
                "concurrency": description.serving.concurrency,
                "development": options.development,
            }
        )

    def _parent_frame(self, reply: Reply, body: bytes) -> None:
        if reply.type == "hello" and self._hello is not None and not self._hello.done():
            self._check(reply)
            self._hello.set_result(reply)
        elif reply.type == "forked":
            future = self._waiting.pop(reply.id, None)
            if future is not None and not future.done():
                future.set_result(reply.pid)
        elif reply.type == "exited":
            self._exits[reply.pid] = int(reply.code)

    def _parent_closed(self, reason: str) -> None:
        self._reap()
        code = self._exits.get(self._parent_pid)
        failure = Failure(502, "runner_died", f"the runner ended: {_in_words(code, reason)}")
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(failure)
        self._waiting.clear()
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(failure)

    def _check(self, reply: Reply) -> None:
        if reply.protocol != PROTOCOL:
            message = f"the runner speaks protocol {reply.protocol}, the gateway {PROTOCOL}"
            raise Failure(502, "runner_protocol", message)
        self.language = reply.language

    def _reap(self) -> None:
        """Collect children that ended; as process 1 of a container also those of others."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._exits[pid] = os.waitstatus_to_exitcode(status)

    def reap(self) -> None:
        """Collect what ended, and forget old endings."""
        self._reap()
        while len(self._exits) > 64:
            del self._exits[next(iter(self._exits))]


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are above 9: 3 and 4 are the runner's, and are set in order."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(high[0], fcntl.F_SETPIPE_SZ, 1 << 20)
    return high[0], high[1]


def _in_words(code: int | None, said: str) -> str:
    if code is None:
        return said or "it closed its pipes"
    if code < 0:
        try:
            return f"it was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"it was killed by signal {-code}"
    return f"it exited with code {code}" + (f" ({said})" if said else "")
