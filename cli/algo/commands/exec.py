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
    requirements-test.in. The environment is made on first use. Its exit code is
    that of the command.

    \b
    algo exec -- python train.py
    algo exec -- pytest -q
    """
    from algo.commands.shared.toolbox import toolbox
    from algo.errors import INTERRUPTED
    from algo.events import Note
    from algo.project.project import Project

    deps: Deps = ctx.obj
    project = Project.find(deps.cwd)
    code = toolbox(deps, project).execute(command, project, deps.output.event)
    if code not in (0, INTERRUPTED):
        # Some programs fail without a word, and then it is not clear who failed.
        deps.output.event(Note(f"{command[0]} exited with code {code}"))
    raise typer.Exit(code)
