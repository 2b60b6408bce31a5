"""A worker whose state others share: it forks workers from itself instead of answering calls."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
from typing import TYPE_CHECKING

from algo_runner import forking
from algo_runner.frames import Header, ProtocolError

if TYPE_CHECKING:
    from algo_runner.worker import Worker


class Template:
    """Forks workers that have what `load` returned, copy-on-write.

    They become children of its own parent: they outlive it, and one process learns how they end.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._home = os.getppid()

    def run(self, header: Header) -> None:
        """Fork for `header`, then answer every frame until the file ends or `shutdown` comes."""
        forking.be_called("algo-template")
        _tidy()
        body = b""
        while self._handle(header, body):
            frame = self._worker.frames.read()
            if frame is None:
                return
            header, body = frame

    def _handle(self, header: Header, body: bytes) -> bool:
        if header["type"] == "fork":
            self._fork(header)
            return True
        if header["type"] in {"call", "batch", "load"}:
            raise ProtocolError(f"one that forks workers takes no {header['type']}")
        return self._worker.handle(header, body)

    def _fork(self, header: Header) -> None:
        gc.freeze()  # the collector would write to shared pages
        told, tell = os.pipe()
        between = os.fork()
        if not between:
            self._between(header, tell)
        os.close(tell)
        pid = os.read(told, 32)
        os.close(told)
        os.waitpid(between, 0)
        if not pid:
            raise OSError("no process could be started")
        self._worker.frames.write({"type": "forked", "id": header["id"], "pid": int(pid)})

    def _between(self, header: Header, tell: int) -> None:
        """Fork the worker and end, which hands it over to our parent."""
        between = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os._exit(1)
        if pid:
            os.write(tell, b"%d" % pid)
            os._exit(0)
        os.close(tell)
        forking.run(lambda: self._work(header, between))

    def _work(self, header: Header, between: int) -> None:
        forking.forget_exit_handlers()
        forking.handed_over(between)
        forking.end_with(self._home)
        forking.be_called("algo-worker")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        frames = forking.open_pipes(header)
        if frames is None:
            return
        forking.reseed()
        self._worker.forked(frames).run()


def _tidy() -> None:
    """Give back what `load` needed only while it ran: every page that is left is shared."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return  # not glibc
