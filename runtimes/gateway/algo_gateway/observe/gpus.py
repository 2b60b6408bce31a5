"""The memory and the load of GPUs, by nvidia-smi, where the algorithm has any."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# How old a figure may be, in seconds: a call of nvidia-smi takes a good part of one.
FRESH = 5.0
PATIENCE = 20.0
_QUERY = ("--query-gpu=index,memory.used,memory.total,utilization.gpu", "--format=csv,noheader")
_UNITS = {"%": 0.01, "MiB": 1 << 20}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: bytes of its memory, and the share of time that it works (None: not told)."""

    index: str
    used: int
    total: int
    load: float | None


class Gpus:
    """Asks nvidia-smi in a thread of its own; whoever reads gets what is known by now.

    Args:
        environment: `CUDA_VISIBLE_DEVICES` empty says that no GPU was asked for.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        hidden = environment.get("CUDA_VISIBLE_DEVICES") == ""
        self._program = None if hidden else shutil.which("nvidia-smi", path=environment.get("PATH"))
        self._known: tuple[Gpu, ...] = ()
        self._asked = -FRESH
        self._thread: threading.Thread | None = None

    def read(self, wait: float = 2.0) -> tuple[Gpu, ...]:
        """Return the GPUs as they were at most about `FRESH` seconds ago.

        Args:
            wait: How long the first answer is waited for, in seconds; not on the event loop.
        """
        if self._program is None:
            return ()
        running = self._thread is not None and self._thread.is_alive()
        if not running and time.monotonic() - self._asked > FRESH:
            self._asked = time.monotonic()
            self._thread = threading.Thread(target=self._ask, name="gpus", daemon=True)
            self._thread.start()
        if not self._known and self._thread is not None:
            self._thread.join(wait)
        return self._known

    def _ask(self) -> None:
        assert self._program is not None
        try:
            answer = subprocess.run(
                [self._program, *_QUERY],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            self._known = ()
            return
        self._known = parse(answer.stdout)


def parse(text: str) -> tuple[Gpu, ...]:
    """Return the GPUs of lines such as `0, 1234 MiB, 81559 MiB, 17 %`; others are passed over."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 4 or not cells[0].isdigit():
            continue
        used, total, load = (_value(cell) for cell in cells[1:])
        if used is not None and total is not None:
            found.append(Gpu(cells[0], int(used), int(total), load))
    return tuple(found)


def _value(cell: str) -> float | None:
    """Return `1234 MiB` in bytes and `17 %` as 0.17; None for `[N/A]` and its like."""
    number, _, unit = cell.partition(" ")
    if not number.isdigit() or unit not in _UNITS:
        return None
    return int(number) * _UNITS[unit]
