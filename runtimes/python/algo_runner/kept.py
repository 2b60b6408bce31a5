"""Bytecode of packages in an environment that `algo` made: the next start does not compile them.

A runner writes no bytecode, whatever is imported: most folders are not its own, and a `.pyc` is
trusted by the second and the size of its source. Nobody edits what lies in the environment.
"""

from __future__ import annotations

import importlib.machinery as machinery
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import CodeType

# The file that `algo` completes an environment with.
COMPLETE = "algo-complete"


class KeepingLoader(machinery.SourceFileLoader):
    """Imports a module as any other loader does, and keeps what was compiled."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of a module, compiled at most once."""
        forbidden, sys.dont_write_bytecode = sys.dont_write_bytecode, False
        try:
            return super().get_code(fullname)
        finally:
            sys.dont_write_bytecode = forbidden


def keep_packages(prefix: Path) -> None:
    """From now on keep the bytecode of what is imported from below `prefix`, if that is ours."""
    if not (prefix / COMPLETE).is_file():
        return
    sys.path_hooks.insert(0, _hook(f"{prefix}/"))
    for path in [path for path in sys.path_importer_cache if path.startswith(f"{prefix}/")]:
        del sys.path_importer_cache[path]


def _hook(below: str) -> Callable[[str], machinery.FileFinder]:
    find = machinery.FileFinder.path_hook(
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (KeepingLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )

    def hook(path: str) -> machinery.FileFinder:
        if not path.startswith(below):
            raise ImportError(f"{path} is not below {below}", path=path)
        found: machinery.FileFinder = find(path)
        return found

    return hook
