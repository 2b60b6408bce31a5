"""Whether what `load` made can be shared with forked workers, and if not, why."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from algo_runner import gpu

if TYPE_CHECKING:
    from algo_runner.algorithm import Algorithm

HARMLESS = ("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero")


class Before:
    """What was open before `load`, and how much `load` is asked to be shared.

    Args:
        share: `auto`: only where nothing speaks against it; `always`: also where `load` left
            threads or open files behind, because the author says that it does no harm.
    """

    def __init__(self, share: str) -> None:
        self._always = share == "always"
        self._open = set(_open_files())

    def obstacle(self, algorithm: Algorithm) -> str:
        """Return why the loaded algorithm cannot be shared, empty when it can."""
        if sys.platform != "linux":
            return "only Linux can"
        if algorithm.is_async:
            return "an async algorithm loads on the event loop of its worker"
        if gpu.in_use():
            return "load() opened a GPU, which no forked process can use"
        if _children():
            return "load() started processes"
        if self._always:
            return ""
        return _threads() or self._left_open()

    def _left_open(self) -> str:
        for number, target in _open_files().items():
            if number in self._open or target.startswith(HARMLESS):
                continue
            if target.startswith("socket:"):
                return "load() left a connection open"
            if target.startswith(("/", "/memfd:")):
                return f"load() left {Path(target).name} open, whose position would be shared"
            return f"load() left a descriptor open ({target})"
        return ""


def _open_files() -> dict[int, str]:
    found = {}
    try:
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (this runs once per load)
            try:
                found[int(name)] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
            except OSError:
                continue  # the listing's own
    except OSError:
        return {}
    return found


def _children() -> bool:
    tasks = Path("/proc/self/task")
    try:
        return any((task / "children").read_text().strip() for task in tasks.iterdir())
    except OSError:
        return False


def _threads() -> str:
    """Return what to say of threads that a forked process would lack, empty when there are none.

    Libraries that know of forks (OpenBLAS) end their threads before one: a fork that is made
    for this shows whose stay.
    """
    named = [thread.name for thread in threading.enumerate() if thread.ident != _main()]
    if named:
        return f"load() started a thread ({named[0]})"
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    count = len(os.listdir("/proc/self/task")) - 1  # noqa: PTH208
    return f"load() started {count} threads of a library (OpenMP or the like)" if count else ""


def _main() -> int | None:
    return threading.main_thread().ident
