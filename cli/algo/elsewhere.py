"""Run `algo` as it would run on another machine; `algo build --check` starts it.

python -m algo.elsewhere SECONDS UMASK ARGUMENT …

The clock goes SECONDS ahead, files get UMASK, and folders are listed in reverse.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_real_scandir = os.scandir


class _Reversed:
    """What `os.scandir` gives, the other way round."""

    def __init__(self, path: Any = ".") -> None:
        with _real_scandir(path) as scan:
            self._entries = iter(list(scan)[::-1])

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self._entries

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> _Reversed:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: the folder is closed already."""


def main(arguments: list[str]) -> int:
    """Change what this process sees of the machine, and run `algo`."""
    ahead, umask, *words = arguments
    seconds, clock, nanoseconds, listed = int(ahead), time.time, time.time_ns, os.listdir
    os.umask(int(umask, 8))
    replaced: Any = {
        "time": lambda: clock() + seconds,
        "time_ns": lambda: nanoseconds() + seconds * 10**9,
    }
    for name, function in replaced.items():
        setattr(time, name, function)
    system: Any = os
    system.scandir = _Reversed
    system.listdir = lambda path=".": listed(path)[::-1]
    from algo.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
