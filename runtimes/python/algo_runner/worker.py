"""A worker: loads the algorithm and answers calls until it is told to stop."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algo_runner.algorithm import Algorithm, import_algorithm, with_state
from algo_runner.capture import Lines, capture, current_call
from algo_runner.dependencies import fingerprint
from algo_runner.faults import callers_fault, report
from algo_runner.frames import Frames, Header, ProtocolError
from algo_runner.values import BadInput, BadResult, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo_runner.source import Project


@dataclass(frozen=True)
class Settings:
    """What `hello` told: the project, its entry function, models and calls in flight."""

    project: Project
    function: str
    models: dict[str, str]
    concurrency: int


class Worker:
    """Answers the frames of one gateway, in the order in which they come."""

    def __init__(self, frames: Frames, settings: Settings) -> None:
        self.frames = frames
        self.settings = settings
        self.algorithm: Algorithm | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._lines: tuple[Lines, ...] = ()

    def run(self, header: Header | None = None, body: bytes = b"") -> None:
        """Answer `header`, then every frame until the file ends or `shutdown` comes."""
        self._lines = capture(self.frames)
        frame: tuple[Header, bytes] | None = (header, body) if header else self.frames.read()
        while frame is not None:
            if not self.handle(*frame):
                break
            if self.algorithm is not None and self.algorithm.is_async:
                asyncio.run(self._serve_async())
                break
            frame = self.frames.read()
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def handle(self, header: Header, body: bytes) -> bool:
        """Answer one frame; False when it was `shutdown`."""
        kind = header["type"]
        if kind == "call":
            self._dispatch(header, body)
        elif kind == "load":
            self._load(header)
        elif kind == "reload":
            self._reload(header)
        elif kind == "describe":
            self._answer(header, "described", schema=self._loaded().schema)
        elif kind == "cancel":
            task = self._tasks.get(header.get("id", -1))
            if task is not None:
                task.cancel()
        elif kind == "shutdown":
            return False
        else:
            raise ProtocolError(f"there is no frame of type {kind!r}")
        return True

    def _loaded(self) -> Algorithm:
        if self.algorithm is None:
            raise ProtocolError("the first frame of a worker is load")
        return self.algorithm

    def _answer(self, header: Header, kind: str, body: bytes = b"", **more: Any) -> None:
        self.frames.write({"type": kind, "id": header.get("id", 0), **more}, body)

    def _load(self, header: Header) -> None:
        began = time.perf_counter()
        try:
            algorithm = import_algorithm(self.settings.project, self.settings.function)
            if algorithm.is_async:
                self.algorithm = algorithm
                return  # load() runs on the loop that apply() will run on
            state = algorithm.load_state(self.settings.models)
            self.algorithm = with_state(algorithm, state)
        except BaseException as error:
            self._load_error(header, error)
            return
        self._ready(header, began)

    def _ready(self, header: Header, began: float) -> None:
        self._end_lines()
        milliseconds = (time.perf_counter() - began) * 1000
        schema = self._loaded().schema
        own = self.settings.project.owns
        modules = [name for name, module in list(sys.modules.items()) if not own(module)]
        preload = [name for name in modules if not name.startswith(("algo_runner", "__"))]
        self._answer(header, "ready", schema=schema, milliseconds=milliseconds, preload=preload)

    def _load_error(self, header: Header, error: BaseException) -> None:
        self._end_lines()
        self._answer(header, "load_error", **report(error, self.settings.project.root))

    def _reload(self, header: Header) -> None:
        old = self._loaded()
        project = self.settings.project
        models = {str(project.root / path) for path in header.get("changed", [])}
        try:
            new = fingerprint(project) if project.entry.is_file() else old.fingerprint
            if models & set(self.settings.models.values()):
                self._answer(header, "reloaded", rung="worker")
                return
            if not old.keeps_state_for(new, old.state):
                self._answer(header, "reloaded", rung="worker")
                return
            algorithm = import_algorithm(project, self.settings.function)
        except BaseException as error:
            self._load_error(header, error)
            return
        self._end_lines()
        if algorithm.is_async != old.is_async:
            self._answer(header, "reloaded", rung="worker")
            return
        self.algorithm = with_state(algorithm, old.state)
        self._answer(header, "reloaded", rung="swap", schema=algorithm.schema)

    def _dispatch(self, header: Header, body: bytes) -> None:
        algorithm = self._loaded()
        if self.settings.concurrency == 1:
            self._call(algorithm, header, body)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.settings.concurrency, "call")
        self._pool.submit(self._call, algorithm, header, body)

    def _call(self, algorithm: Algorithm, header: Header, body: bytes) -> None:
        current_call.set(header["id"])
        try:
            result = algorithm.call(decode(body, header.get("content_type", "")))
            if inspect.isgenerator(result):
                for piece in result:
                    self._piece(header, "chunk", piece)
                self._end_lines()
                self._answer(header, "end")
            else:
                self._piece(header, "result", result)
        except BaseException as error:
            self._failed(header, error)
        current_call.set(None)

    def _piece(self, header: Header, kind: str, value: Any) -> None:
        content_type, body = encode(value)
        if kind == "result":
            self._end_lines()
        self._answer(header, kind, body, content_type=content_type)

    def _failed(self, header: Header, error: BaseException) -> None:
        self._end_lines()
        details = report(error, self.settings.project.root)
        if isinstance(error, BadInput | BadResult):
            fault = "input" if isinstance(error, BadInput) else "result"
            self._answer(header, "error", fault=fault, code=error.code, message=str(error))
            return
        code = callers_fault(error)
        if code is not None:
            self._answer(header, "error", **{**details, "fault": "caller", "code": code})
            return
        self._answer(header, "error", **{**details, "fault": "algorithm", "code": "exception"})

    def _end_lines(self) -> None:
        for lines in self._lines:
            lines.end()

    async def _serve_async(self) -> None:
        """Go on with an `async` algorithm: calls run side by side on one event loop."""
        began = time.perf_counter()
        algorithm = self._loaded()
        header: Header = {"id": 0}
        try:
            state = algorithm.load_state(self.settings.models)
            if inspect.isawaitable(state):
                state = await state
            self.algorithm = with_state(algorithm, state)
        except BaseException as error:
            self._load_error(header, error)
            return
        self._ready(header, began)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.frames.source, self._readable, ended)
        await ended
        loop.remove_reader(self.frames.source)
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _readable(self, ended: asyncio.Future[None]) -> None:
        if ended.done():
            return
        try:
            going = self.frames.fill()
            frame = self.frames.take()
            while going and frame is not None:
                if frame[0]["type"] == "call":
                    self._start(*frame)
                else:
                    going = self.handle(*frame)
                frame = self.frames.take() if going else None
        except ProtocolError as error:
            ended.set_exception(error)
            return
        if not going:
            ended.set_result(None)

    def _start(self, header: Header, body: bytes) -> None:
        call: Callable[..., Any] = self._call_async
        task = asyncio.get_running_loop().create_task(call(self._loaded(), header, body))
        self._tasks[header["id"]] = task
        task.add_done_callback(lambda _: self._tasks.pop(header["id"], None))

    async def _call_async(self, algorithm: Algorithm, header: Header, body: bytes) -> None:
        current_call.set(header["id"])
        try:
            result = algorithm.call(decode(body, header.get("content_type", "")))
            if inspect.isasyncgen(result):
                async for piece in result:
                    self._piece(header, "chunk", piece)
                self._answer(header, "end")
            else:
                self._piece(header, "result", await result)
        except BaseException as error:
            self._failed(header, error)
