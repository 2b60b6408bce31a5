"""CPU time and memory of a process and all that it started, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(leader: int) -> float:
    """Return the CPU seconds that the process group of `leader` has used."""
    return sum(_cpu(pid) for pid in _group(leader))


def busy_seconds() -> float:
    """Return the CPU seconds since the start that processes used, or the host took away.

    What a virtual machine is not given while it wants to run (`steal` of proc(5)) shows in the
    latencies as the work of other processes does.
    """
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, steal = (int(fields[at]) for at in (0, 1, 2, 7))
    return (user + nice + system + steal) / _TICKS


def memory_megabytes(leader: int) -> float:
    """Return the proportional set size of the process group: shared pages count once."""
    return sum(_pss(pid) for pid in _group(leader)) / 1024


def _group(leader: int) -> list[int]:
    """Return the processes of the leader's group, and all that these started."""
    parents, found = {}, set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            if int(fields[2]) == leader:
                found.add(int(folder.name))
    grown = True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in found}
        grown = not below <= found
        found |= below
    return sorted(found)


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS  # utime and stime: proc(5)


def pss_megabytes(pid: int) -> float:
    """Return the proportional set size of one process."""
    return _pss(pid) / 1024


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))
