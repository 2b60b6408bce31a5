"""`algo doctor`: what this machine has, what it lacks, what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def doctor_command(
    ctx: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend the store, and remove what killed commands left.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Check this machine and clean up what was left behind.

    \b
    algo doctor
    algo doctor --fix
    algo doctor --json
    """
    from algo.commands.shared.diagnosis import checks, places, table
    from algo.engines.health import examine

    deps: Deps = ctx.obj
    report = examine(checks(deps, fix=fix), places(deps), fix=fix)
    deps.output.result(report, human=table(report))
    if not report.healthy:
        raise typer.Exit(1)
