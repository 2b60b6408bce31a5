"""Processes told apart for good: an id alone is given again after its process ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec


class Process(msgspec.Struct, frozen=True):
    """A process: its id and when it began, in the system's own words."""

    pid: int
    began: str


def identify(pid: int) -> Process | None:
    """Return the running process `pid`, None when there is none (a zombie is none)."""
    began = _began(pid)
    return Process(pid, began) if began else None


def alive(process: Process) -> bool:
    """Tell whether that very process still runs."""
    return _began(process.pid) == process.began


def kill_group(process: Process, timeout: float = 2.0) -> None:
    """Kill the process and its group when it still runs, and wait until it is gone."""
    if not alive(process):
        return
    try:
        leads = os.getpgid(process.pid) == process.pid
        (os.killpg if leads else os.kill)(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + timeout
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.01)


def _began(pid: int) -> str:
    if sys.platform.startswith("linux"):
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        # Fields after the name, which is in brackets and may hold anything: proc(5).
        fields = text.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, began = found.stdout.strip().partition(" ")
    return "" if not state or state.startswith("Z") else began.strip()
