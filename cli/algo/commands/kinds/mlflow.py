"""`algo import mlflow`: a project that serves an MLflow model."""

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
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The folder that holds an MLmodel file.")
    ],
    folder: FolderArg = None,
    name: NameOpt = "",
    example: ExampleOpt = None,
    loosen: LoosenOpt = False,
    skinny: Annotated[
        bool, typer.Option("--skinny", help="Take mlflow-skinny in place of mlflow.")
    ] = False,
    extra: WithOpt = None,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Make a project of an MLflow model.

    Every flavour that MLflow calls as a Python function is served, with the model's own
    requirements, signature and input example. Its input is what MLflow's own server takes.

    \b
    algo import mlflow mlruns/1/models/m-4fb1/artifacts
    algo import mlflow ./churn services/churn --name acme/churn --skinny
    """
    from algo.commands.shared.importing import import_project, source_path
    from algo.importing.mlflow import MlflowSource

    deps: Deps = ctx.obj
    source = MlflowSource(source_path(deps, path), loosen, skinny, tuple(extra or ()))
    made = import_project(deps, source, folder, name, example, engine)
    deps.output.result(made, human=made.sentence)
