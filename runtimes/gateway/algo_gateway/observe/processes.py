"""What processes take, from Linux' /proc (proc(5)); elsewhere nothing is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of memory in use, a fair share of those that are shared, and seconds of a processor.

    `started` is in seconds since 1970; `virtual` counts bytes of addresses.
    """

    resident: int
    proportional: int
    cpu: float
    virtual: int
    started: float


def usage(pid: int, proc: Path = PROC) -> Usage | None:
    """Return what the process takes, None when it is gone or not ours to look at."""
    try:
        # The name is in brackets, and may hold any of what separates fields.
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return Usage(
            resident=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
            proportional=_proportional(pid, proc),
            cpu=(int(fields[11]) + int(fields[12])) / ticks,
            virtual=int(fields[20]),
            started=_booted(proc) + int(fields[19]) / ticks,
        )
    except (OSError, ValueError, IndexError):
        return None


def descendants(pid: int, proc: Path = PROC, most: int = 1000) -> list[int]:
    """Return the children of a process, and theirs; at most about `most`."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < most:
        one = waiting.pop()
        try:
            below = [int(child) for child in _children(proc, one)]
        except (OSError, ValueError):
            continue
        found += below
        waiting += below
    return found


def _children(proc: Path, pid: int) -> list[bytes]:
    threads = (proc / str(pid) / "task").iterdir()
    return [child for thread in threads for child in (thread / "children").read_bytes().split()]


def open_files(proc: Path = PROC) -> int:
    """Return how many files this process has open."""
    try:
        return sum(1 for _ in (proc / "self" / "fd").iterdir())
    except OSError:
        return 0


def _proportional(pid: int, proc: Path) -> int:
    """Return PSS in bytes; 0 where the kernel does not say (Linux before 4.14)."""
    try:
        for line in (proc / str(pid) / "smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return 0
    return 0


@cache
def _booted(proc: Path) -> float:
    for line in (proc / "stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0
