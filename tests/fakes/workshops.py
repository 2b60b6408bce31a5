"""A place to build packages in that is this machine itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.environments.interpreters import this_interpreter
from algo.resources import data_folder

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Notify
    from algo.project.lock import Target
    from algo.project.project import Project


@dataclass
class HostWorkshop:
    """Runs the very script that images run, with the Python of the tests.

    Args:
        place: The folder in which everything is built, as an image has one: it shows in results.
        works: Whether it can build anything.
    """

    place: Path
    works: bool = True
    built: list[str] = field(default_factory=list)

    def serves(self, project: Project, target: Target) -> bool:
        """Build for this machine alone."""
        return self.works and target.platform == this_interpreter().platform

    def key(self, project: Project, target: Target) -> str:
        """Return the Python."""
        return sys.version

    def build(self, project: Project, target: Target, folder: Path, *, notify: Notify) -> str:
        """Run the script where the archive lies, as the container of an image would."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(folder, self.place)
        self.built += [path.name for path in (folder / "sdist").iterdir()]
        script = data_folder("runtimes") / "python" / "workshop" / "build.py"
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-P", str(script), str(self.place)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        shutil.copytree(self.place, folder, dirs_exist_ok=True, symlinks=True)
        return done.stderr if done.returncode else ""
