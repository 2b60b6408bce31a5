"""Compile packages, each as if it were alone; run by the image's Python, or by one like it.

`python -B -c SOURCE SEEN PLACE NAME…` compiles the files and folders NAME below SEEN, which will
lie below PLACE. What a process compiled before shows in a file (marshal notes which constants are
shared, and so depends on their reference counts). So each NAME has a process of its own, forked
from one that compiles nothing, and its files are the same whatever is compiled beside it.
"""

from __future__ import annotations

import os
import py_compile
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody imports a package's own tests at run time; they are a third of the work.
SKIPPED = re.compile(r"/tests?/")


def main(seen: str, place: str, names: list[str]) -> int:
    """Compile as many at a time as there are processors; return 1 when a process broke down."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    waiting, running, broken = list(reversed(names)), 0, 0
    while waiting or running:
        if waiting and running < (count or 1):
            _fork(seen, place, waiting.pop())
            running += 1
        else:
            _, status = os.wait()
            broken |= status
            running -= 1
    return 1 if broken else 0


def sources(folder: str, name: str) -> Iterator[str]:
    """Yield the files that are compiled of `name` in a folder, relative to that, in one order."""
    path = os.path.join(folder, name)  # noqa: PTH118
    if not os.path.isdir(path):  # noqa: PTH112
        yield from [name] if name.endswith(".py") else []
        return
    for top, folders, files in os.walk(path):
        folders.sort()
        below = os.path.relpath(top, folder)
        found = (f"{below}/{file}" for file in sorted(files) if file.endswith(".py"))
        yield from (file for file in found if not SKIPPED.search(f"/{file}"))


def _fork(seen: str, place: str, name: str) -> None:
    if os.fork():
        return
    code = 1
    try:
        for file in sources(seen, name):
            _compile(f"{seen}/{file}", f"{place}/{file}")
        code = 0
    finally:
        os._exit(code)


def _compile(path: str, place: str) -> None:
    """Compile a file; one that is not valid for this Python stays as it is when installed."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(path, dfile=place, doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, OSError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
