"""`algo lock`: pin every package with its hash."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt
from algo.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from algo.deps import Deps
    from algo.environments.upgrade import Upgrade


def lock_command(
    ctx: typer.Context,
    packages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACKAGE]...", help="With --upgrade: only these.", show_default=False
        ),
    ] = None,
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
    algo lock                    keep what is locked where the requirements allow it
    algo lock --upgrade          take the newest versions
    algo lock --upgrade numpy    of numpy, and of what that forces
    algo lock --check            in CI: refuse a lock that no longer fits
    """
    from algo.environments.locking import check_lock, make_lock
    from algo.environments.report import describe_lock
    from algo.events import Note
    from algo.models.ensure import check_models, ensure_models
    from algo.project.project import Project
    from algo.publish.loading import tell_of_own

    deps: Deps = ctx.obj
    wanted = upgrade_of(upgrade, check, packages or [], deps.cwd)
    project = Project.find(deps.cwd)
    locking, notify = deps.locking(project), deps.output.event
    if check:
        lock = check_lock(project, locking)
        moved = check_models(project, lock, deps.models(), notify=notify)
        notify(Note(f"{project.lock_path.name} fits what the project asks for"))
        report = describe_lock(project, lock, moved=moved)
    else:
        made = make_lock(project, locking, notify=notify, upgrade=wanted)
        if upgrade and not made.changes:
            notify(Note("no package changed"))
        newest = wanted.everything
        lock = ensure_models(project, made.lock, deps.models(), notify=notify, upgrade=newest)
        tell_of_own(project, deps.image_cache(), notify=notify)
        report = describe_lock(project, lock, made.changes)
    deps.output.result(report, human=report.text)


def upgrade_of(upgrade: bool, check: bool, packages: list[str], cwd: Path) -> Upgrade:
    """Return what the command line, typed in `cwd`, asks to upgrade.

    Raises:
        UsageError: Packages without `--upgrade`, or both it and `--check`.
    """
    from algo.environments.upgrade import Upgrade

    if upgrade and check:
        raise UsageError(
            "--check changes nothing, so nothing can be upgraded", hint="algo lock --check"
        )
    if packages and not upgrade:
        names, command = shlex.join(packages), "algo lock --check" if check else "algo lock"
        if (cwd / packages[0]).is_dir():
            raise UsageError(
                "algo lock works on the project of the current folder and takes no other",
                hint=f"cd {shlex.quote(packages[0])} && {command}",
            )
        raise UsageError(
            f"packages are named with --upgrade alone: {names}", hint=f"algo lock --upgrade {names}"
        )
    return Upgrade(upgrade and not packages, tuple(packages))
