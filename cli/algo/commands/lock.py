"""`algo lock`: pin every package with its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def lock_command(
    ctx: typer.Context,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take the newest versions that fit.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 5 when the lock does not fit.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Pin every package with its hash in algo.lock.

    \b
    algo lock              keep what is locked where the requirements allow it
    algo lock --upgrade    take the newest versions
    algo lock --check      in CI: refuse a lock that no longer fits
    """
    from algo.environments.locking import check_lock, make_lock
    from algo.environments.report import describe_lock
    from algo.project.project import Project

    deps: Deps = ctx.obj
    project = Project.find(deps.cwd)
    locking = deps.locking(project)
    if check:
        lock = check_lock(project, locking)
    else:
        lock = make_lock(project, locking, notify=deps.output.event, upgrade=upgrade)
    report = describe_lock(project, lock)
    deps.output.result(report, human=report.text)
