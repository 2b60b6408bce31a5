"""Where the set-up keeps what it fetched."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]


def cache_folder(name: str) -> Path:
    """Return the folder called `name` in the user's cache, created when it is missing.

    `ALGO_MACHINE_CACHE` moves the whole cache; the default is `~/.cache/algo-machine`.
    """
    root = os.environ.get("ALGO_MACHINE_CACHE") or Path.home() / ".cache" / "algo-machine"
    folder = Path(root).absolute() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time make the thing called `name`; others wait for it."""
    with (cache_folder("locks") / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
