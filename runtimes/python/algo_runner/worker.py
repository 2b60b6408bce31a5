"""A worker: loads the algorithm and answers calls until it is told to stop."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

from algo_runner import gpu, kit
from algo_runner.algorithm import Algorithm, import_algorithm, with_state
from algo_runner.batches import answer
from algo_runner.capture import Lines, capture, current_call
from algo_runner.dependencies import fingerprint
from algo_runner.faults import callers_fault, report
from algo_runner.frames import Frames, Header, ProtocolError
from algo_runner.interrupt import TooLong, at_most
from algo_runner.loading import Watch
from algo_runner.npy import RESULTS, encode_arrays
from algo_runner.sharing import Before
from algo_runner.source import digest_of, few_collections
from algo_runner.traces import enter, leave
from algo_runner.values import BadInput, BadResult, encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import ThreadPoolExecutor

    from algo_runner.source import Project

PROTOCOL = 1
# How often a worker looks for calls that were taken back before it begins the next one. The
# gateway waits for longer before it gives them to another worker (runtimes/README.md).
LOOK = 0.02
# How long an import in place of the code may take: no call is answered meanwhile. Where a new
# worker needs a GPU's memory beside this one's, it is worth waiting for.
PATIENCE, GPU_PATIENCE = 0.8, 9.0
# The names of modules in a `ready` frame: a header has at most 1 MiB.
MOST_MODULES = 4000


@dataclass(frozen=True)
class Settings:
    """What `hello` told: the project, its entry function, models and calls in flight.

    With `gpu` new workers are dear: they need memory beside this one's. Only in `development` the
    code is reloaded.
    """

    project: Project
    function: str
    models: dict[str, str]
    concurrency: int
    gpu: bool = False
    development: bool = False


@dataclass(frozen=True)
class Prepared:
    """A version that is imported and waits: its functions, and the modules they came from."""

    algorithm: Algorithm
    modules: dict[str, ModuleType]


class Worker:
    """Answers the frames of one gateway, in the order in which they come."""

    def __init__(self, frames: Frames, settings: Settings) -> None:
        self.frames = frames
        self.settings = settings
        self.algorithm: Algorithm | None = None
        self._prepared: Prepared | None = None
        self._pool: ThreadPoolExecutor | None = None
        # Streams that run in threads, and whether nobody reads them any more.
        self._streams: dict[int, bool] = {}
        # Of those whose reader is slow, what they wait for.
        self._gates: dict[int, threading.Event] = {}
        self._withdrawn: set[int] = set()
        self._looked = 0.0
        self._lines: tuple[Lines, ...] = ()
        self._known = frozenset(sys.modules)
        self._before: Before | None = None

    def forked(self, frames: Frames) -> Worker:
        """Return this worker as it goes on in a forked process, at pipes of its own."""
        child = Worker(frames, self.settings)
        child.algorithm = self.algorithm
        child._lines = self._lines
        for lines in child._lines:
            lines.enter(frames)
        frames.write({"type": "hello", "protocol": PROTOCOL})
        return child

    def run(self, header: Header | None = None, body: bytes = b"") -> None:
        """Answer `header`, then every frame until the file ends or `shutdown` comes."""
        self._lines = self._lines or capture(self.frames)
        frame: tuple[Header, bytes] | None = (header, body) if header else self.frames.read()
        while frame is not None:
            if not self.handle(*frame):
                break
            frame = None  # nobody needs its body while the next one comes
            if self.algorithm is not None and self.algorithm.is_async:
                from algo_runner.asynchronous import serve

                serve(self)
                break
            frame = self._next()
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def _next(self) -> tuple[Header, bytes] | None:
        """Return the next frame that was not taken back."""
        while True:
            frame = self.frames.take()
            if frame is None:
                if not self.frames.fill():
                    return None
                continue
            now = time.monotonic()
            if now - self._looked > LOOK:
                self._looked = now
                self._withdrawn = self.frames.withdrawn()
            header = frame[0]
            taken = self._withdrawn and header.get("id") in self._withdrawn
            if not taken or header["type"] != "call":  # a `cancel` of such a call is none
                return frame
            self.answer(header, "withdrawn")

    def handle(self, header: Header, body: bytes) -> bool:
        """Answer one frame; False when it was `shutdown`.

        Raises:
            ProtocolError: There is no such frame, or it is not its turn.
        """
        kind = header["type"]
        if kind in {"call", "batch"}:
            self._dispatch(header, body)
        elif kind == "load":
            self._load(header)
        elif kind == "reload":
            self._reload(header)
        elif kind in {"commit", "discard"}:
            self._settle(commit=kind == "commit")
        elif kind == "describe":
            self.answer(header, "described", schema=self.loaded.schema)
        elif kind == "fork":
            from algo_runner.template import Template

            Template(self).run(header)
            return False
        elif kind == "shutdown":
            return False
        elif kind == "cancel":
            if header.get("id") in self._streams:
                self._streams[header["id"]] = True
                self._open(header)
        elif kind == "pause":
            if header.get("id") in self._streams:
                self._gates.setdefault(header["id"], threading.Event())
        elif kind == "resume":
            self._open(header)
        elif kind == "withdraw":  # what it took back was before it, and is begun or gone
            self._looked = 0.0
        else:
            raise ProtocolError(f"there is no frame of type {kind!r}")
        return True

    @property
    def loaded(self) -> Algorithm:
        """The algorithm.

        Raises:
            ProtocolError: It is not loaded.
        """
        if self.algorithm is None:
            raise ProtocolError("the first frame of a worker is load")
        return self.algorithm

    def answer(self, header: Header, kind: str, body: bytes = b"", **more: Any) -> None:
        """Write a frame that answers `header`."""
        self.frames.write({"type": kind, "id": header.get("id", 0), **more}, body)

    def ready(self, header: Header, began: float) -> None:
        """Say that calls may come; `preload` is what the next worker need not import."""
        self._end_lines()
        own = self.settings.project.owns
        fresh = [
            name
            for name, module in list(sys.modules.items())
            if name not in self._known and not own(module) and _is_fresh(name)
        ]
        alone = self._before.obstacle(self.loaded) if self._before else ""
        self.answer(
            header,
            "ready",
            schema=self.loaded.schema,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            cancels=self.loaded.is_async,
            batch=self.loaded.batch,
            # One after the other: the others wait, and can be taken back.
            ahead=self.settings.concurrency == 1
            and not (self.loaded.batch or self.loaded.is_async),
            flow=self.settings.concurrency > 1 and not self.loaded.batch,
            share=self._before is not None and not alone,
            alone=alone,
            preload=fresh[:MOST_MODULES],
            **gpu.memory(),
        )

    def load_error(self, header: Header, error: BaseException) -> None:
        """Say that the author's code did not load."""
        self._end_lines()
        project = self.settings.project
        found = report(error, project.root)
        if project.written_for and (hint := kit.hint(error)):
            found["hint"] = hint
        self.answer(header, "load_error", **found)

    def piece(self, header: Header, kind: str, value: Any) -> None:
        """Write a result, or a piece of one."""
        if RESULTS in header.get("content_type", ""):
            content_type, body = encode_arrays(value)
        else:
            content_type, body = encode(value)
        if kind == "result":
            self._end_lines()
        head = b'{"type":"%b","id":%d,"content_type":"%b"}'
        self.frames.send(head % (kind.encode(), header["id"], content_type.encode()), body)

    def ended(self, header: Header) -> None:
        """Write the end of a stream."""
        self._end_lines()
        self.answer(header, "end")

    def failed(self, header: Header, error: BaseException) -> None:
        """Write what went wrong in a call, and whose fault it is."""
        self._end_lines()
        if isinstance(error, BadInput | BadResult):
            fault = "input" if isinstance(error, BadInput) else "result"
            message = str(error)[:10_000]
            details = getattr(error, "details", {})
            self.answer(header, "error", fault=fault, code=error.code, message=message, **details)
            return
        details = report(error, self.settings.project.root)
        code = callers_fault(error)
        fault = "algorithm" if code is None else "caller"
        self.answer(header, "error", fault=fault, code=code or "exception", **details)

    def _load(self, header: Header) -> None:
        began = time.perf_counter()
        if self.algorithm is not None:
            self.ready(header, began)  # a template loaded it before it forked this worker
            return
        if header.get("share"):
            self._before = Before(header["share"])
        try:
            algorithm = self._import()
            if self.settings.gpu:
                gpu.require()
            if algorithm.is_async:
                self.algorithm = algorithm
                return  # load() runs on the loop that apply() will run on
            # To unpickle a model imports its packages.
            with self.watch(algorithm) as watch, few_collections():
                state = algorithm.load_state(self.settings.models)
            self.algorithm = with_state(algorithm, state, watch.loaded)
        except BaseException as error:
            self.load_error(header, error)
            return
        self.ready(header, began)

    def watch(self, algorithm: Algorithm) -> Watch:
        """Return what watches the call of `load`."""
        on = self.settings.development and algorithm.load is not None
        return Watch(self.settings.project, algorithm.fingerprint, on=on)

    def _import(self) -> Algorithm:
        settings = self.settings
        return import_algorithm(settings.project, settings.function, watched=settings.development)

    def _reload(self, header: Header) -> None:
        """Get the new code ready beside the old, which answers until `commit`."""
        old = new = self.loaded
        project = self.settings.project
        self._prepared = None
        try:
            rung = self._rung(old, header.get("changed", []))
            if rung == "swap":
                with project.beside() as modules, at_most(self._patience()):
                    new = self._import()
                self._prepared = Prepared(with_state(new, old.state, old.loaded), modules)
        except TooLong:
            rung = "worker"
        except BaseException as error:
            self.load_error(header, error)
            return
        self._end_lines()
        if (new.is_async, new.batch) != (old.is_async, old.batch):
            rung, self._prepared = "worker", None
        room = gpu.memory() if rung == "worker" else {}
        sources = digest_of(self._prepared.modules) if self._prepared else ""
        self.answer(header, "reloaded", rung=rung, schema=new.schema, sources=sources, **room)

    def _patience(self) -> float:
        """Return how long calls may wait for an import; the gateway waits somewhat longer."""
        return GPU_PATIENCE if self.settings.gpu or gpu.in_use() else PATIENCE

    def _settle(self, *, commit: bool) -> None:
        prepared, self._prepared = self._prepared, None
        if commit and prepared is not None:
            self.settings.project.install_modules(prepared.modules)
            self.algorithm = prepared.algorithm

    def _rung(self, old: Algorithm, changed: Sequence[str]) -> str:
        """Return how the files that changed come into service (DESIGN's reload ladder)."""
        project = self.settings.project
        loads = old.load is not None
        if any(old.loaded.may_have_read(project.root / path, loads=loads) for path in changed):
            return "worker"
        if not project.entry.is_file():
            return "swap"  # its import tells what is wrong
        new = fingerprint(project)
        if changed and not self._uses(old, changed):
            return "none"
        if new.lazy and (old.is_async or self.settings.concurrency > 1):
            return "worker"  # a call that runs would import modules of the new version
        patient = self.settings.gpu or gpu.in_use()
        keeps = old.keeps_state_for(new, project.modules(), patient=patient)
        return "swap" if keeps else "worker"

    def _uses(self, old: Algorithm, changed: Sequence[str]) -> bool:
        """Tell whether the code imports, or may have read, one of the files."""
        project = self.settings.project
        read = any(str(project.root / path) in old.opened for path in changed)
        other = any(not path.endswith(".py") for path in changed)
        return read or other or project.uses(changed)

    def _dispatch(self, header: Header, body: bytes) -> None:
        algorithm = self.loaded
        if algorithm.batch:
            answer(self, header, body)  # one at a time: a batch is how it does several at once
            return
        if self.settings.concurrency == 1:
            self._call(algorithm, header, body)
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.settings.concurrency, "call")
        self._pool.submit(self._call, algorithm, header, body)

    def _call(self, algorithm: Algorithm, header: Header, body: bytes) -> None:
        current_call.set(header["id"])
        traced = "traceparent" in header
        token = enter(header, alone=self.settings.concurrency == 1) if traced else None
        try:
            result = algorithm.call(algorithm.read(body, header.get("content_type", "")))
            if type(result) is GeneratorType:
                self._stream(header, result)
            else:
                self.piece(header, "result", result)
        except BaseException as error:
            self.failed(header, error)
        if traced:
            leave(token)
        current_call.set(None)

    def _stream(self, header: Header, pieces: GeneratorType[Any, None, None]) -> None:
        number = header["id"]
        alone = self.settings.concurrency == 1  # else the main thread reads the frames
        self._streams[number] = False
        try:
            for piece in pieces:
                self.piece(header, "chunk", piece)
                if (gate := self._gates.get(number)) is not None:
                    gate.wait()
                if self.frames.cancelled(number) if alone else self._streams[number]:
                    pieces.close()
                    break
        finally:
            del self._streams[number]
            self._gates.pop(number, None)
        self.ended(header)

    def _open(self, header: Header) -> None:
        gate = self._gates.pop(header.get("id", -1), None)
        if gate is not None:
            gate.set()

    def _end_lines(self) -> None:
        for lines in self._lines:
            lines.end()


def _is_fresh(name: str) -> bool:
    """Tell whether the next worker may find a module imported: of ours what reads types."""
    return not name.startswith("algo_runner") or name.startswith("algo_runner.typed.")
