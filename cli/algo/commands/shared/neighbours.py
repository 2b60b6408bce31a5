"""What code that was written for Algorithmia finds around it: data, and other algorithms."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from algo.commands.shared.preparing import prepare
from algo.engines.interface import Surroundings
from algo.errors import AlgoError
from algo.events import Log
from algo.project.project import Project, manifest_in
from algo.registry.errors import NotFound
from algo.resources import scratch
from algo.serving.neighbours import Neighbours, listening, told_as_nowhere
from algo.serving.start import StartOptions, running
from algo.serving.target import VersionTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from algo.deps import Deps
    from algo.events import Event
    from algo.serving.target import Target

# A commit, by which its platform named what was not published yet.
_COMMIT = re.compile(r"[0-9a-f]{40}")


@contextmanager
def surroundings(deps: Deps, target: Target, engine: str) -> Iterator[Surroundings | None]:
    """Give what the code of `target` finds around it, None for code that looks for nothing.

    What it calls is a running `algo serve`, else the project of that name beside it, else a
    published version; it runs on the same engine, from its first call to the end of the block.
    """
    if isinstance(target, Project):
        root, wanted = target.root, bool(target.manifest.algorithm.written_for)
    else:
        root, wanted = deps.cwd, isinstance(target, VersionTarget)
    if not wanted:
        yield None
        return
    data = deps.folders.hosted
    data.mkdir(parents=True, exist_ok=True)
    data.parent.chmod(0o700)
    data.chmod(0o777)
    with scratch("calls") as folder:
        calls = Path(folder, "calls")
        calls.mkdir()
        calls.chmod(0o755)
        around = Surroundings(data, calls)
        others = _Others(replace(deps, interactive=False), root, engine, around)
        with listening(calls, Neighbours(others.run)):
            yield around


class _Others:
    """Finds and runs other algorithms."""

    def __init__(self, deps: Deps, root: Path, engine: str, around: Surroundings) -> None:
        self._deps = deps
        self._root = root
        self._engine = engine
        self._around = around

    def run(self, name: str, version: str) -> AbstractContextManager[str]:
        """Run the algorithm `name`, and give its URL.

        Raises:
            AlgoError: There is none, or it does not start.
        """
        for session in self._deps.sessions().all():
            if session.name == name and session.project and session.url and not session.abandoned:
                return nullcontext(session.url)
        tag = "" if _COMMIT.fullmatch(version) else version
        return self._started(
            name, self._beside().get(name) or VersionTarget(f"{name}:{tag}" if tag else name)
        )

    def _beside(self) -> dict[str, Project]:
        """Return the projects in the folders beside this one, by name; the first of a name."""
        found: dict[str, Project] = {}
        for folder in sorted(self._root.parent.iterdir()):
            with suppress(AlgoError, OSError):
                if manifest_in(folder) is not None:
                    project = Project.open(folder)
                    found.setdefault(project.name, project)
        return found

    def _sought(self, name: str) -> AbstractContextManager[None]:
        """Return what tells, where `name` is not published, in which folders it is not either."""
        others = self._beside().items()
        beside = {other: one.root.name for other, one in others if one.root != self._root}
        return told_as_nowhere(NotFound, name, self._root.parent, beside)

    @contextmanager
    def _started(self, name: str, target: Project | VersionTarget) -> Iterator[str]:
        def notify(event: Event) -> None:
            self._deps.output.event(
                Log(f"[{name}] {event.text}") if isinstance(event, Log) else event
            )

        runs_on = self._deps.engine(self._engine)
        known = nullcontext() if isinstance(target, Project) else self._sought(name)
        with known:
            servable = prepare(self._deps, target, image=runs_on.wants_image)
        with running(runs_on, servable, StartOptions(around=self._around), notify) as instance:
            yield instance.url
