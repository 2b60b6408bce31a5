"""One algorithm, served until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.access.origins import Origins
from algo_gateway.access.tokens import CALL, Tokens
from algo_gateway.calls.call import Failure
from algo_gateway.control import Control
from algo_gateway.http.app import App
from algo_gateway.http.jobs import JobPages
from algo_gateway.http.listener import MOST, Listener
from algo_gateway.http.service import Service
from algo_gateway.inference.paths import Inference
from algo_gateway.observe.ids import Ids
from algo_gateway.observe.logs import Logs
from algo_gateway.observe.metrics import Metrics
from algo_gateway.wire.frames import Reply
from algo_gateway.workers.pool import OVERTAKEN, Pool
from algo_gateway.workers.recipe import Recipe
from algo_gateway.workers.reload import Fault, fault_of
from algo_gateway.workers.worker import LoadFailed

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from algo_gateway.config import Description, Options
    from algo_gateway.handover import Handover
    from algo_gateway.http.local import LocalServices
    from algo_gateway.inference.rpc import Rpc
    from algo_gateway.tracing.exporter import Exporter
    from algo_gateway.tracing.tracer import Tracer
    from algo_gateway.wire.spawning import Spawned

# What calls in flight get at the end; an engine waits a little longer before it kills.
GRACE = 2.5
# Of mallopt(3), and the size from which memory goes back to the system when it is freed.
M_MMAP_THRESHOLD, LARGE = -3, 4 << 20
# For the answers that are on their way when the workers have ended.
LAST_WORDS = 0.5
# EX_TEMPFAIL of sysexits.h: started without the door it would serve.
NO_DOOR = 75


class Gateway:
    """Ties the HTTP server, the pool, the control endpoint and the signals together.

    Args:
        options: The command line.
        description: `algorithm.json`.
        began: When the process began, by `time.perf_counter`.
        local: Where code that was written for Algorithmia finds its API; None for no such code.
    """

    def __init__(
        self,
        options: Options,
        description: Description,
        began: float,
        local: socket.socket | None = None,
    ) -> None:
        self._options = options
        self._description = description
        self._began = began
        self._local = local
        self._development = options.development or bool(options.control)
        self._ids = Ids()
        self._logs = Logs(self._ids, development=self._development, access=options.access_log)
        self._metrics = Metrics()
        self._tokens: Tokens | None = None
        self._keys: tuple[bytes, ...] = ()
        self._exporter: Exporter | None = None
        self._stopping = asyncio.Event()
        self._port = options.port
        self._grpc: dict[str, int] = {}
        self._code = 0

    async def run(self, first: Spawned) -> int:
        """Serve, with `first` as the first process of the runner; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        if self._options.lifeline >= 0:
            loop.add_reader(self._options.lifeline, self._lifeline)
        recipe = Recipe(self._options, self._description)
        pool = Pool(recipe, self._metrics, self._logs.printed, self._logs.say)
        control = Control(pool, os.environ.get("ALGO_CONTROL_TOKEN", ""), self._stopping.set)
        try:
            self._open_tokens()
            self._keys = _webhook_keys(os.environ)
            if self._options.control:
                await control.listen(self._options.control)
            await self._serve(pool, first, control)
        except (OSError, ValueError) as error:
            self._logs.say(f"the gateway cannot start: {error}", "error")
            self._code = self._code or 1
        control.close()
        pool.close()
        if self._exporter is not None:
            self._exporter.close()
        self._logs.close()
        return self._code

    async def _serve(self, pool: Pool, first: Spawned, control: Control) -> None:
        """Listen and serve until told to stop.

        Raises:
            OSError: A port is taken.
        """
        loop = asyncio.get_running_loop()
        service = Service(
            self._description,
            pool,
            self._metrics,
            self._logs,
            development=self._development,
            ids=self._ids,
            tracer=self._tracer(),
        )
        inference = Inference(service)
        jobs = JobPages(service, self._options.jobs, self._keys)
        app = App(service, inference, jobs, self._origins(), self._tokens)
        listener = Listener(
            app,
            lambda text: self._logs.say(text, "error"),
            lambda: max(MOST, 4 * pool.serving.max_body),
        )
        listener.refused = self._metrics.turned_away
        self._metrics.connections = lambda: len(listener.connections)
        control.handover = await self._listen(app, listener, pool, jobs)
        services = await self._open_local(app, pool)
        try:
            rpc = await self._open_grpc(service, inference)
        except OSError:
            await listener.close(0)
            raise
        jobs.resume()
        loading = loop.create_task(self._load(pool, first))
        _tidy()
        await self._stopping.wait()
        loading.cancel()
        listener.stop()
        jobs.halt()
        ending = [pool.stop(GRACE)] + ([rpc.stop(GRACE)] if rpc is not None else [])
        await asyncio.gather(*ending)
        await jobs.close()
        await listener.close(LAST_WORDS)
        if services is not None:
            await services.close()

    async def _listen(
        self, app: App, listener: Listener, pool: Pool, jobs: JobPages
    ) -> Handover | None:
        """Listen; or take the socket that comes through the door, and accept there when told to.

        Raises:
            OSError: A port is taken, or descriptors do not come through.
        """
        door = self._options.door
        if self._options.socket >= 0:
            self._port = await listener.inherit(self._options.socket)
            return None
        if door is None:
            self._port = await listener.listen(self._options.host, self._options.port)
            return None
        from algo_gateway.handover import Handover
        from algo_gateway.net.door import listening_socket

        self._code = NO_DOOR
        taken = listening_socket(door)
        self._code, self._port = 0, taken.getsockname()[1]
        handover = Handover(app, listener, pool, jobs, taken, door, self._stopping.set)
        if not self._options.standby:
            await handover.accept()
        return handover

    async def _open_grpc(self, service: Service, inference: Inference) -> Rpc | None:
        """Listen for gRPC where that is asked for: its package takes time and memory.

        Raises:
            OSError: The port is taken.
        """
        if self._options.grpc_port < 0:
            return None
        from algo_gateway.inference.rpc import Rpc

        tokens = self._tokens
        check = None if tokens is None else partial(tokens.check, scope=CALL)
        rpc = Rpc(service, inference.model, check)
        port = await rpc.start(self._options.host, self._options.grpc_port)
        self._grpc = {"grpc_port": port}
        return rpc

    async def _open_local(self, app: App, pool: Pool) -> LocalServices | None:
        """Serve what code that was written for Algorithmia expects, where there is such code."""
        if self._local is None:
            return None
        from algo_gateway.http.local import LocalServices

        shipped = self._options.app / "data"
        services = LocalServices(self._description.name, shipped, os.environ, self._logs.say)

        def stuck() -> bool:
            return pool.serving.workers * pool.serving.concurrency == 1 and pool.running > 0

        await services.start(self._local, app, stuck, development=self._development)
        return services

    def _tracer(self) -> Tracer | None:
        """Return what records traces, where the environment says where they go."""
        if not any(name.startswith("OTEL_EXPORTER_OTLP_") for name in os.environ):
            return None
        from algo_gateway.tracing import settings
        from algo_gateway.tracing.exporter import Exporter
        from algo_gateway.tracing.tracer import Tracer

        try:
            found = settings.read(os.environ, self._description.name)
        except ValueError as error:
            self._logs.say(f"no traces are recorded: {error}", "warning")
            return None
        if found is None:
            return None
        exporter = Exporter(found, lambda text: self._logs.say(text, "warning"))
        self._exporter, self._metrics.spans = exporter, exporter.counts
        return Tracer(found.sampler, exporter.add)

    def _origins(self) -> Origins | None:
        local = self._options.local and self._tokens is None
        return Origins(self._description.serving.cors, local=local) or None

    def _open_tokens(self) -> None:
        """Read the tokens.

        Raises:
            ValueError: They cannot be read.
        """
        path = self._options.tokens
        if path is None:
            return
        try:
            self._tokens = Tokens(path, lambda text: self._logs.say(text, "warning"))
        except (OSError, ValueError) as error:
            raise ValueError(f"the tokens of {path} cannot be read: {error}") from error

    async def _load(self, pool: Pool, first: Spawned) -> None:
        """Load the algorithm, and say that it has loaded; in development maybe not at once."""
        try:
            await pool.start(first)
        except LoadFailed as failure:
            pool.failed = failure.reply
            self._load_error(fault_of(failure.reply))
            await pool.reloaded.wait()
        except Failure as failure:
            if failure.code != OVERTAKEN:
                pool.failed = Reply("load_error", error=failure.code, message=failure.message)
                self._load_error(fault_of(failure))
            await pool.reloaded.wait()
        milliseconds = (time.perf_counter() - self._began) * 1000
        ready = {"port": self._port, "milliseconds": round(milliseconds)}
        self._print({"ready": ready | self._grpc})

    def _load_error(self, fault: Fault) -> None:
        self._print({"load_error": fault})
        if not self._development:
            self._logs.say(f"the algorithm did not load: {fault.type}: {fault.message}")
            if fault.stacktrace:
                self._logs.say(fault.stacktrace)
            self._code = 1
            self._stopping.set()

    def _lifeline(self) -> None:
        if not os.read(self._options.lifeline, 1):
            asyncio.get_running_loop().remove_reader(self._options.lifeline)
            self._stopping.set()

    def _print(self, document: dict[str, object]) -> None:
        try:
            os.write(1, msgspec.json.encode(document) + b"\n")
        except OSError:
            return  # nobody reads; serving goes on


def _webhook_keys(env: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return what webhooks are signed with, from `ALGO_WEBHOOK_SECRET` or the file it is in.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds no secret.
    """
    text = env.get("ALGO_WEBHOOK_SECRET", "")
    if file := env.get("ALGO_WEBHOOK_SECRET_FILE"):
        text = Path(file).read_text(encoding="utf-8")
    if not text.strip():
        return ()
    from algo_gateway.jobs.signatures import keys_of

    return keys_of(text)


def _tidy() -> None:
    """Keep memory small while serving: collections short, and large bodies given back at once.

    glibc raises the size from which it maps memory to that of what was freed, up to 32 MB; below
    it a small piece that was allocated later keeps all that was freed before it (mallopt(3)).
    """
    import ctypes

    gc.freeze()  # what is there by now stays
    try:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
    except AttributeError:
        return  # not glibc
