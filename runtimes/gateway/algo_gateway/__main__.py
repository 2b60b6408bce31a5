"""The gateway's process: `python -m algo_gateway --algorithm … --app … --runtime …`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from algo_gateway.app import App
from algo_gateway.calls import Failure
from algo_gateway.config import Description, Options, read_description, runner_command
from algo_gateway.control import Control
from algo_gateway.frames import Reply
from algo_gateway.logs import Logs
from algo_gateway.metrics import Metrics
from algo_gateway.pool import Pool
from algo_gateway.processes import Runner
from algo_gateway.reload import Fault, fault_of
from algo_gateway.worker import LoadFailed

GRACE = 3.0
# Far above any queue: a full queue is our answer (429), not a connection that is not read.
BACKPRESSURE = 16_384


def parse(arguments: list[str]) -> Options:
    """Parse the command line (runtimes/README.md)."""
    parser = argparse.ArgumentParser(prog="algo_gateway", description=__doc__)
    parser.add_argument("--algorithm", type=Path, required=True, help="algorithm.json")
    parser.add_argument("--app", type=Path, required=True, help="the project's files")
    parser.add_argument("--runtime", type=Path, required=True, help="the language's folder")
    parser.add_argument("--packages", type=Path, help="the packages' folder, if there is one")
    parser.add_argument("--python", default="", help="the interpreter of the environment")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--control", default="", help="unix:PATH or tcp:HOST:PORT")
    parser.add_argument("--development", action="store_true", help="stack traces in answers")
    parser.add_argument("--lifeline", type=int, default=-1, help="end when this closes")
    values = vars(parser.parse_args(arguments))
    values["app"] = values["app"].resolve()
    if values["packages"] and not values["packages"].is_dir():
        values["packages"] = None
    return Options(**values)


class Gateway:
    """One algorithm, served until it is told to stop."""

    def __init__(self, options: Options, description: Description, began: float) -> None:
        self._options = options
        self._description = description
        self._began = began
        self._logs = Logs(development=options.development)
        self._metrics = Metrics()
        self._stopping = asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Serve; return the exit code."""
        options = self._options
        pool = Pool(self._description.serving, self._metrics, self._logs.printed)
        control = Control(pool, os.environ.get("ALGO_CONTROL_TOKEN", ""), self._stopping.set)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        if options.lifeline >= 0:
            loop.add_reader(options.lifeline, self._lifeline)
        if options.control:
            await control.listen(options.control)
        app = App(self._description, pool, self._metrics, development=options.development)
        server = Server(
            app,
            address=options.host,
            port=options.port,
            interface=Interfaces.RSGI,
            log_enabled=False,
            backpressure=BACKPRESSURE,
            websockets=False,
        )
        serving = loop.create_task(server.serve())
        loading = loop.create_task(self._load(pool))
        stopping = loop.create_task(self._stopping.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            self._serving_failed(serving)
        loading.cancel()
        await pool.stop(GRACE)
        control.close()
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait({serving}, timeout=0.5)
        return self._code

    async def _load(self, pool: Pool) -> None:
        options = self._options
        command = runner_command(options.runtime, options.python)
        try:
            runner = Runner(command, options, self._description, pool.idle)
            await pool.start(runner)
        except LoadFailed as failure:
            pool.failed = failure.reply
            self._load_error(fault_of(failure.reply))
        except Failure as failure:
            pool.failed = Reply("load_error", error=failure.code, message=failure.message)
            self._load_error(fault_of(failure))
        else:
            milliseconds = (time.perf_counter() - self._began) * 1000
            self._print({"ready": {"port": options.port, "milliseconds": round(milliseconds)}})

    def _load_error(self, fault: Fault) -> None:
        self._print({"load_error": fault})
        if not self._options.development:
            self._logs.say(f"the algorithm did not load: {fault.type}: {fault.message}")
            if fault.stacktrace:
                self._logs.say(fault.stacktrace)
            self._code = 1
            self._stopping.set()

    def _serving_failed(self, serving: asyncio.Task[None]) -> None:
        error = serving.exception() if not serving.cancelled() else None
        if error is not None:
            self._logs.say(f"the server cannot run: {error}")
        self._code = 1

    def _lifeline(self) -> None:
        if not os.read(self._options.lifeline, 1):
            asyncio.get_running_loop().remove_reader(self._options.lifeline)
            self._stopping.set()

    def _print(self, document: dict[str, object]) -> None:
        os.write(1, msgspec.json.encode(document) + b"\n")


def main() -> None:
    """Run the gateway and exit with its code."""
    began = time.perf_counter()
    options = parse(sys.argv[1:])
    try:
        description = read_description(options.algorithm)
    except (OSError, ValueError) as error:
        sys.exit(f"algo_gateway: {options.algorithm} cannot be read: {error}")

    async def run() -> int:
        return await Gateway(options, description, began).run()

    sys.exit(uvloop.run(run()))


if __name__ == "__main__":
    main()
