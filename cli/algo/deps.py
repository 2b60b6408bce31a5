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

    from algo.output import Output


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
