"""How old the programs of this machine are, asked of themselves once."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from algo.children import run
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_PATIENCE = 10
Record = TypeVar("Record", bound=msgspec.Struct)


class Memory(Protocol):
    """Keeps small records between runs."""

    def recall(self, kind: str, key: str, form: type[Record]) -> Record | None:
        """Return what was kept under `kind` and `key`."""

    def remember(self, kind: str, key: str, record: msgspec.Struct) -> None:
        """Keep `record`."""


class _Said(msgspec.Struct):
    version: str


class Programs(Value, frozen=True):
    """The programs on PATH.

    Args:
        env: The environment of this process.
        memory: Remembers what each said, as Java takes a tenth of a second to say it.
    """

    env: Mapping[str, str]
    memory: Memory | None = None

    def version(self, program: str) -> str:
        """Return the version that `program` tells, empty where it tells none."""
        path = shutil.which(program, path=self.env.get("PATH"))
        if path is None:
            return ""
        stat = Path(path).stat()
        key = f"{path} {stat.st_mtime_ns} {stat.st_size}"
        known = self.memory.recall("versions", key, _Said) if self.memory else None
        if known is None:
            known = _Said(self._told(path))
            if self.memory:
                self.memory.remember("versions", key, known)
        return known.version

    def _told(self, path: str) -> str:
        for word in ("--version", "-version"):  # Java 8 knows the second alone
            try:
                # Bundler reads the project's settings, which are not meant here.
                done = run([path, word], cwd="/", env=self.env, timeout=_PATIENCE)
            except (OSError, subprocess.TimeoutExpired):
                return ""
            found = _NUMBER.search(done.stdout.decode(errors="replace"))
            if done.returncode == 0 and found:
                return found[0]
        return ""


def older(version: str, than: str) -> bool:
    """Tell whether `version` is below `than`; one that cannot be told is not."""
    return bool(version) and _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
