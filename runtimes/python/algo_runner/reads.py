"""Which files and folders of the project `load` reads: told by the interpreter (audit events)."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect"})
_noted: set[str] | None = None
_hooked = False
_quiet = threading.local()


@contextmanager
def noting() -> Iterator[set[str]]:
    """Note what is read in a block, on any thread; give the absolute paths.

    A hook cannot be taken away (PEP 578); without a block it only looks at a variable.
    """
    global _noted, _hooked
    if not _hooked:
        sys.addaudithook(_hear)
        _hooked = True
    _noted = found = set[str]()
    try:
        yield found
    finally:
        _noted = None


@contextmanager
def unnoticed() -> Iterator[None]:
    """Note nothing that this thread reads in a block: an import of a module is no reading."""
    before, _quiet.on = getattr(_quiet, "on", False), True
    try:
        yield
    finally:
        _quiet.on = before


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    noted = _noted
    if noted is None or event not in _EVENTS or getattr(_quiet, "on", False):
        return
    path = arguments[0] if arguments else None
    if path is None:
        path = "."
    if isinstance(path, str | bytes | os.PathLike):
        try:
            noted.add(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (no links are followed)
        except (OSError, ValueError):
            return
