"""The memory of workers: how much each has, and whether the kernel ended one for it."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CGROUP = Path("/sys/fs/cgroup")
# Where the kernel counts the processes that it killed, and the limit: cgroup v2, then v1.
_COUNTS = ("memory.events", "memory/memory.oom_control")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
_NO_LIMIT = 1 << 62


def resident(pid: int) -> int:
    """Return the resident bytes of a process, shared pages included; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def in_words(size: int) -> str:
    """Return `size` bytes as `2.1 GB` or `640 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.0f} MB"


class Kernel:
    """What the kernel did to processes of our container for want of memory."""

    def __init__(self, cgroup: Path = _CGROUP) -> None:
        self._cgroup = cgroup
        self._seen = self._kills()

    def killed(self) -> bool:
        """Tell whether it has killed another process since this was asked last."""
        kills = self._kills()
        before, self._seen = self._seen, kills
        return kills > before

    def limit(self) -> int:
        """Return the container's limit in bytes, 0 without one."""
        for name in _LIMITS:
            try:
                text = (self._cgroup / name).read_text().strip()
            except OSError:
                continue
            return int(text) if text.isdigit() and int(text) < _NO_LIMIT else 0
        return 0

    def _kills(self) -> int:
        for name in _COUNTS:
            try:
                lines = (self._cgroup / name).read_text().splitlines()
            except OSError:
                continue
            return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
        return 0
