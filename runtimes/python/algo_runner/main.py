"""The runner's process: a worker of its own, or the parent that forks workers."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from pathlib import Path

from algo_runner import forking, gpu, kit
from algo_runner.forking import EXIT_PROTOCOL
from algo_runner.frames import Frames, Header, ProtocolError
from algo_runner.kept import keep_packages
from algo_runner.source import Project, import_quietly
from algo_runner.worker import PROTOCOL, Settings, Worker

REQUESTS, REPLIES = 3, 4


def main() -> None:
    """Say hello, then serve until the gateway closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the gateway decides
    frames = Frames(REQUESTS, REPLIES)
    os.set_inheritable(REQUESTS, False)
    os.set_inheritable(REPLIES, False)
    try:
        _serve(frames)
    except ProtocolError as error:
        sys.__stderr__.write(f"runner: {error}\n")
        sys.__stderr__.flush()
        os._exit(EXIT_PROTOCOL)
    except BrokenPipeError:
        os._exit(0)  # the gateway is gone


def _serve(frames: Frames) -> None:
    first = frames.read()
    if first is None:
        return
    settings = _hello(first[0])
    capabilities = ["fork", "share", "swap", "describe"]
    frames.write(
        {
            "type": "hello",
            "protocol": PROTOCOL,
            "language": f"python {sys.version.split()[0]}",
            "capabilities": capabilities,
        }
    )
    second = frames.read()
    if second is None:
        return
    if second[0]["type"] in {"fork", "preload"}:
        Parent(frames, settings).run(second[0])
    else:
        # As a parent does, so that what is measured at the import is the author's own code.
        import_quietly(settings.project.third_party())
        Worker(frames, settings).run(*second)


def _hello(header: Header) -> Settings:
    if header["type"] != "hello" or header.get("protocol") != PROTOCOL:
        raise ProtocolError(f"the first frame is hello of protocol {PROTOCOL}, not {header}")
    entry, _, function = str(header["entrypoint"]).partition(":")
    root = Path(header["app"]).resolve()
    if header.get("packages"):
        sys.path.insert(0, str(header["packages"]))
    sys.dont_write_bytecode = True
    keep_packages(Path(sys.prefix))
    project = Project(root, entry, str(header.get("written_for", "")))
    if project.written_for:
        kit.provide(root)
    project.install()
    models = {name: str(root / path) for name, path in header.get("models", {}).items()}
    concurrency = int(header.get("concurrency", 1))
    gpu, development = bool(header.get("gpu")), bool(header.get("development"))
    return Settings(project, function, models, concurrency, gpu, development)


class Parent:
    """Imports the packages once and forks workers, which share them copy-on-write."""

    def __init__(self, frames: Frames, settings: Settings) -> None:
        self.frames = frames
        self.settings = settings
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        forking.be_called("algo-parent")
        forking.adopt_orphans()  # workers that a template forks

    def run(self, header: Header | None) -> None:
        """Fork what is asked for and report every worker that ended."""
        import_quietly(self.settings.project.third_party())
        while header is not None:
            if header["type"] == "fork":
                self._fork(header)
            elif header["type"] == "preload":
                import_quietly(header.get("modules", []))
            elif header["type"] == "shutdown":
                return
            else:
                raise ProtocolError(f"a parent takes fork, preload or shutdown, not {header}")
            header = self._next()

    def _next(self) -> Header | None:
        while (frame := self.frames.take()) is None:
            readable, _, _ = select.select([self.frames.source, self._woken], [], [])
            if self._woken in readable:
                os.read(self._woken, 4096)
                self._reap()
            if self.frames.source in readable and not self.frames.fill():
                return None
        return frame[0]

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self.frames.write({"type": "exited", "pid": pid, "code": code})

    def _fork(self, header: Header) -> None:
        if gpu.in_use():
            why = "an import opened a GPU, which no forked process can use"
            self.frames.write({"type": "forked", "id": header["id"], "pid": 0, "alone": why})
            return
        gc.freeze()  # the collector would write to shared pages
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.frames.write({"type": "forked", "id": header["id"], "pid": pid})
            return
        forking.run(lambda: self._child(header, parent))

    def _child(self, header: Header, parent: int) -> None:
        forking.end_with(parent)
        forking.be_called("algo-worker")
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        frames = forking.open_pipes(header)
        if frames is None:
            return
        os.close(REQUESTS)
        os.close(REPLIES)
        forking.reseed()
        frames.write({"type": "hello", "protocol": PROTOCOL})
        Worker(frames, self.settings).run()
