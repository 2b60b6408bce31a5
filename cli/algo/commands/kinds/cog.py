"""`algo import cog`: a project that serves a predictor of Cog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import (
    EngineOpt,
    ExampleOpt,
    FolderArg,
    JsonOpt,
    LoosenOpt,
    NameOpt,
    WithOpt,
)

if TYPE_CHECKING:
    from algo.deps import Deps


def import_command(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder that holds a cog.yaml.")],
    folder: FolderArg = None,
    name: NameOpt = "",
    example: ExampleOpt = None,
    loosen: LoosenOpt = False,
    extra: WithOpt = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Do not run it; no case is recorded.")
    ] = False,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Make a project of a Cog project.

    The predictor runs as it is, with a small cog module of ours in the project. Its packages,
    Debian packages and GPU are those of cog.yaml; files of weights become layers of their own.

    \b
    algo import cog .
    algo import cog ../whisper services/whisper --name acme/whisper --example speech.json
    """
    from algo.commands.shared.importing import import_project, source_path
    from algo.importing.cog import CogSource

    deps: Deps = ctx.obj
    source = CogSource(source_path(deps, path), loosen, tuple(extra or ()))
    made = import_project(deps, source, folder, name, example, engine, run=not no_run)
    deps.output.result(made, human=made.sentence)
