"""`algo test`: the golden cases and the project's own tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, GpuOpt, JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def test_command(
    ctx: typer.Context,
    only: Annotated[
        str,
        typer.Option("-k", "--only", metavar="WORDS", help="Run what has these words in its name."),
    ] = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML to FILE.")
    ] = None,
    engine: EngineOpt = "",
    gpu: GpuOpt = "",
    json: JsonOpt = False,
) -> None:
    """Run the golden cases and the project's own tests.

    The algorithm is started once, called with every case in cases/ and stopped again; then the
    language's own runner (pytest, go test, cargo test, JUnit, …) runs the project's tests, in its
    environment. Exit code 1 when anything fails.

    \b
    algo test
    algo test -k digit
    algo test --engine virtualenv --junit report.xml
    """
    from algo.commands.shared.testing import test_project
    from algo.contract.junit import write_junit
    from algo.contract.report import COLUMNS
    from algo.events import Note
    from algo.output import Table
    from algo.project.project import Project

    deps: Deps = ctx.obj
    report = test_project(deps, Project.find(deps.cwd), engine, only, gpu=gpu)
    if junit is not None:
        write_junit(report, deps.cwd / junit)
    deps.output.result(report.summary(), human=Table(COLUMNS, report.rows()))
    deps.output.event(Note(report.sentence))
    if not report.ok:
        raise typer.Exit(1)
