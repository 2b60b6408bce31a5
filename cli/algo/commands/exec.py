"""`algo exec`: run a command in the project's environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from algo.deps import Deps

CONTEXT = {"allow_interspersed_args": False, "ignore_unknown_options": True}


def exec_command(
    ctx: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="-- CMD ...", help="The command and its arguments.")
    ],
) -> None:
    """Run a command in the project's environment.

    It runs in the project's folder, with the locked packages and those of
    requirements-test.in. The environment is made on first use.

    \b
    algo exec -- python train.py
    algo exec -- pytest -q
    """
    from algo.environments.execute import execute
    from algo.environments.locking import ensure_lock
    from algo.environments.virtualenv import ensure_environment
    from algo.project.project import Project

    deps: Deps = ctx.obj
    project = Project.find(deps.cwd)
    locking = deps.locking(project)
    host = locking.host
    lock = ensure_lock(project, locking, notify=deps.output.event)
    notify = deps.output.event
    environment = ensure_environment(
        lock, host, locking.manager, deps.folders, tests=True, notify=notify, project=project
    )
    deps.output.close()
    raise typer.Exit(execute(command, environment, project.root, deps.env))
