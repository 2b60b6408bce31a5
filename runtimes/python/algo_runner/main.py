"""The runner's process: a worker of its own, or the parent that forks workers."""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import sys
import traceback
from pathlib import Path

from algo_runner.frames import Frames, Header, ProtocolError
from algo_runner.source import Project, import_quietly
from algo_runner.worker import Settings, Worker

PROTOCOL = 1
EXIT_PROTOCOL = 76  # EX_PROTOCOL of sysexits.h
REQUESTS, REPLIES = 3, 4
PR_SET_PDEATHSIG = 1


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
    capabilities = ["fork", "swap", "describe"]
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
        Worker(frames, settings).run(*second)


def _hello(header: Header) -> Settings:
    if header["type"] != "hello" or header.get("protocol") != PROTOCOL:
        raise ProtocolError(f"the first frame is hello of protocol {PROTOCOL}, not {header}")
    entry, _, function = str(header["entrypoint"]).partition(":")
    root = Path(header["app"]).resolve()
    if header.get("packages"):
        sys.path.insert(0, str(header["packages"]))
    sys.dont_write_bytecode = True
    project = Project(root, entry)
    project.install()
    models = {name: str(root / path) for name, path in header.get("models", {}).items()}
    return Settings(project, function, models, int(header.get("concurrency", 1)))


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
        self._prctl = _prctl()

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
        gc.freeze()  # the collector would write to shared pages
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.frames.write({"type": "forked", "id": header["id"], "pid": pid})
            return
        code = 1
        try:
            self._child(header, parent)
            code = 0
        except ProtocolError as error:
            os.write(2, f"runner: {error}\n".encode())
            code = EXIT_PROTOCOL
        except BrokenPipeError:
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)

    def _child(self, header: Header, parent: int) -> None:
        self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            requests = os.open(header["requests"], os.O_RDONLY | os.O_CLOEXEC)
            replies = os.open(header["replies"], os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # the gateway stops, or wants this worker no more
        os.close(REQUESTS)
        os.close(REPLIES)
        numpy = sys.modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()  # else every worker would draw the same numbers
        frames = Frames(requests, replies)
        frames.write({"type": "hello", "protocol": PROTOCOL})
        try:
            Worker(frames, self.settings).run()
        finally:
            atexit._run_exitfuncs()


def _prctl():  # type: ignore[no-untyped-def]
    """Return Linux's prctl; elsewhere a function that does nothing."""
    import ctypes

    try:
        return ctypes.CDLL(None).prctl
    except AttributeError:
        return lambda *_: 0
