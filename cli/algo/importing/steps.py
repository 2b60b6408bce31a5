"""What to type after an import."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NEXT = ("algo serve", "algo test")


def what_next(folder: Path, cwd: Path) -> tuple[str, ...]:
    """Return the commands to type in `cwd` for the project in `folder`."""
    if folder.resolve() == cwd.resolve():
        return _NEXT
    shown = folder.relative_to(cwd) if folder.is_relative_to(cwd) else folder
    return (f"cd {shlex.quote(str(shown))}", *_NEXT)


def as_lines(commands: tuple[str, ...]) -> str:
    """Return the commands as people read them, below what was made."""
    return "\n".join(("next:", *(f"  {command}" for command in commands)))
