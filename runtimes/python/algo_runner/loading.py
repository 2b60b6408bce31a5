"""A call of `load`, watched: what it read, and whether it changed anything but what it returned."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from algo_runner import reads
from algo_runner.purity import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from algo_runner.dependencies import Fingerprint
    from algo_runner.source import Project

# Files that only Python code reads: no library opens them by itself.
PROSE = (".md", ".rst", ".toml", ".html", ".htm", ".css", ".jinja", ".jinja2", ".j2")


@dataclass(frozen=True)
class Loaded:
    """What is known of a `load`.

    Attributes:
        pure: Whether the project's modules are as they were before it.
        read: The files and folders that it opened or listed, absolute; None when nobody looked.
    """

    pure: bool = True
    read: frozenset[str] | None = None

    def has_read(self, path: Path) -> bool:
        """Tell whether it read the file at `path`, or listed the folder that holds it."""
        read = self.read or frozenset()
        return str(path) in read or str(path.parent) in read

    def may_have_read(self, path: Path, *, loads: bool) -> bool:
        """Tell whether it read the file at `path`, as far as that can be known.

        What Python opens is known; code of C opens weights and vocabularies by itself. `loads`
        says whether there is a `load`.
        """
        if self.has_read(path):
            return True
        told = self.read is not None or not loads
        return path.suffix != ".py" and not (told and path.name.endswith(PROSE))


class Watch:
    """Watches the block that calls `load`; `loaded` is what came of it.

    Args:
        project: Whose modules may change.
        fingerprint: What `load` reaches.
        on: Whether to look: nothing is reloaded outside development.
    """

    def __init__(self, project: Project, fingerprint: Fingerprint, *, on: bool) -> None:
        self._project = project
        self._fingerprint = fingerprint
        self._on = on
        self._stack = ExitStack()
        self.loaded = Loaded()

    def __enter__(self) -> Self:
        if self._on:
            self._before = Snapshot(self._project.modules(), self._fingerprint.variables)
            self._read = self._stack.enter_context(reads.noting())
        return self

    def __exit__(self, *failed: object) -> None:
        self._stack.close()
        if self._on and failed[0] is None:
            pure = self._before.unchanged(self._project.modules())
            self.loaded = Loaded(pure, frozenset(self._read))
