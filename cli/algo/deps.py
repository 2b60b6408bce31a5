"""The only builder of adapters; each is imported when it is first asked for."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from algo.resources import Folders, user_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.engines.docker import DockerEngine
    from algo.engines.interface import Engine
    from algo.engines.sessions import Sessions
    from algo.engines.virtualenv import VirtualenvEngine
    from algo.output import Output
    from algo.watch.interface import Watcher


@dataclass(slots=True)
class Deps:
    """What a command may reach: folder, environment, user folders, output and adapters."""

    cwd: Path
    env: Mapping[str, str]
    folders: Folders
    output: Output
    interactive: bool = False
    stdin: int = field(default=0)

    @classmethod
    def for_process(cls, output: Output) -> Deps:
        """Build the dependencies of this process."""
        return cls(
            cwd=Path.cwd(),
            env=os.environ,
            folders=user_folders(os.environ.get("ALGO_HOME")),
            output=output,
            interactive=sys.stdin is not None and sys.stdin.isatty() and output.terminal,
        )

    def read_stdin(self) -> bytes:
        """Return all of standard input."""
        return sys.stdin.buffer.read()

    def sessions(self) -> Sessions:
        """Return the records of what runs now."""
        from algo.engines.sessions import Sessions

        return Sessions(self.folders.state / "sessions")

    def engine(self, wanted: str = "") -> Engine:
        """Return the engine called `wanted`, else docker when it answers, else virtualenv.

        Raises:
            UnknownEngine: There is none of this name.
            EngineUnavailable: `docker` was asked for by name and does not answer.
        """
        from algo.engines.choose import choose

        return choose(wanted, self.docker, self.virtualenv, self.output.event)

    def docker(self) -> DockerEngine:
        """Return the engine that runs containers."""
        from algo.engines.docker import DockerEngine

        return DockerEngine(self.sessions(), self.env, Path.home())

    def virtualenv(self) -> VirtualenvEngine:
        """Return the engine that runs processes of this machine."""
        from algo.engines.virtualenv import VirtualenvEngine
        from algo.resources import data_folder

        return VirtualenvEngine(self.sessions(), data_folder("runtimes"), self.env)

    def watcher(self, root: Path) -> Watcher:
        """Return a watcher of the project at `root`."""
        from algo.watch.watcher import FolderWatcher

        return FolderWatcher(root)
