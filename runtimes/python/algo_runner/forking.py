"""What a process that was just forked does before it is a worker."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
import traceback
import weakref
from typing import TYPE_CHECKING, NoReturn

from algo_runner.frames import Frames, Header, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_PROTOCOL = 76  # EX_PROTOCOL of sysexits.h
# Options of Linux's prctl(2).
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36


def _prctl():  # type: ignore[no-untyped-def]
    """Return Linux's prctl; elsewhere a function that does nothing."""
    import ctypes

    try:
        return ctypes.CDLL(None).prctl
    except AttributeError:
        return lambda *_: -1


prctl = _prctl()


def be_called(name: str) -> None:
    """Let ps and top show what this process is; at most 15 bytes."""
    prctl(PR_SET_NAME, name.encode())


def adopt_orphans() -> None:
    """Become the parent of those below whose own parent ends."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with(parent: int) -> None:
    """End when `parent` does; at once when it is gone."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def handed_over(between: int) -> None:
    """Return when the process `between`, which forked us, has ended."""
    while os.getppid() == between:
        time.sleep(0.0002)


def open_pipes(header: Header) -> Frames | None:
    """Open the FIFOs that a `fork` frame names; None when the gateway wants us no more."""
    try:
        requests = os.open(header["requests"], os.O_RDONLY | os.O_CLOEXEC)
        replies = os.open(header["replies"], os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    return Frames(requests, replies)


def reseed() -> None:
    """Let this process draw random numbers of its own; Python's `random` does so by itself."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    torch = sys.modules.get("torch.random")
    if torch is not None:
        torch.seed()


def forget_exit_handlers() -> None:
    """Leave to the parent what the code before the fork wanted done at the end.

    A temporary folder that `load` made would else be removed by the first worker that ends.
    """
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]


def run(work: Callable[[], None]) -> NoReturn:
    """Do a worker's work and end the process, never returning into the parent's code."""
    code = 1
    try:
        try:
            work()
        finally:
            atexit._run_exitfuncs()
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
