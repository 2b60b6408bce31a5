"""From a source of another tool to a project: what the kinds of `algo import` share."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from algo.contract.interface import Algorithm
    from algo.deps import Deps
    from algo.engines.interface import Engine
    from algo.importing.importing import Imported
    from algo.importing.interface import Source


class Engines:
    """Runs a project on the engine called `engine` (`importing.interface.Workshop`)."""

    def __init__(self, deps: Deps, engine: str) -> None:
        self._deps = deps
        self._engine = engine
        self._found: Engine | None = None

    def on_host(self) -> bool:
        """Tell whether no engine was named, and none but this machine itself is there."""
        return not self._engine and not self._runs_on().wants_image

    def _runs_on(self) -> Engine:
        if self._found is None:
            self._found = self._deps.engine(self._engine)
        return self._found

    @contextmanager
    def serving(self, project: Path) -> Iterator[Algorithm]:
        """Lock the project, install or build it, and run it for the length of a block."""
        from algo.commands.shared.neighbours import surroundings
        from algo.commands.shared.preparing import prepare
        from algo.contract.http import HttpAlgorithm
        from algo.project.project import Project
        from algo.serving.start import StartOptions, running

        deps, opened = self._deps, Project.open(project)
        runs_on = self._runs_on()
        servable = prepare(deps, opened, image=runs_on.wants_image, exact=True)
        timeout = opened.manifest.serving.timeout_seconds
        with (
            surroundings(deps, opened, self._engine) as around,
            running(runs_on, servable, StartOptions(around=around), deps.output.event) as instance,
            HttpAlgorithm(instance.url, timeout) as algorithm,
        ):
            yield algorithm


def source_path(deps: Deps, path: Path) -> Path:
    """Return where what the user named is, without `..` in it."""
    return Path(os.path.normpath(deps.cwd / path))


def import_project(
    deps: Deps,
    source: Source,
    folder: Path | None,
    name: str,
    examples: Sequence[Path] | None,
    engine: str,
    *,
    run: bool = True,
) -> Imported:
    """Make a project of `source`, and run it once on an engine.

    Args:
        deps: Builds what does the work.
        source: What is imported.
        folder: The project's folder; None for one of its name.
        name: `owner/name`, empty for one that is made up.
        examples: Files with inputs.
        engine: `docker`, `virtualenv`, or empty to choose as `serve` does.
        run: Whether to run it, and record what it answers.

    Raises:
        AlgoError: As `import_source`.
    """
    from algo.importing.importing import Order, import_source
    from algo.resources import data_folder

    user = deps.env.get("USER") or deps.env.get("LOGNAME") or ""
    order = Order(deps.cwd, folder, name, user, tuple(examples or ()), run)
    return import_source(
        source, order, Engines(deps, engine), data_folder("scaffolds"), notify=deps.output.event
    )
