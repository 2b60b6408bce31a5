"""Do a few things at once that wait for programs, and end those programs when we are ended."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING, TypeVar

from algo.children import end, started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Result = TypeVar("Result")

_PAUSE = 0.1
_MOST = 8


class _Thread(threading.local):
    stop: threading.Event | None = None


_HERE = _Thread()


def together(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run `calls` at once and return their results in order.

    The first that fails, in the order of `calls`, decides. Whatever ends us, a signal included,
    ends the programs that `run` waits for in them.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    from concurrent.futures import ThreadPoolExecutor

    stop = threading.Event()

    def within(call: Callable[[], Result]) -> Result:
        _HERE.stop = stop
        return call()

    with ThreadPoolExecutor(min(len(calls), _MOST)) as pool:
        try:
            futures = [pool.submit(within, call) for call in calls]
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program as `subprocess.run` does, with its output as text."""
    stop = _HERE.stop
    with started(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as child:
        while True:
            try:
                out, err = child.communicate(timeout=_PAUSE if stop else None)
                return subprocess.CompletedProcess(list(command), child.returncode, out, err)
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    end(child)
