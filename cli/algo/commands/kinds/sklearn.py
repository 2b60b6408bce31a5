"""`algo import sklearn`: a project that serves a pickled estimator."""

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
        Path, typer.Argument(metavar="PATH", help="What pickle, cloudpickle or joblib wrote.")
    ],
    folder: FolderArg = None,
    name: NameOpt = "",
    example: ExampleOpt = None,
    loosen: LoosenOpt = False,
    extra: WithOpt = None,
    code: Annotated[
        list[Path] | None,
        typer.Option("--code", metavar="FILE", help="A module that it needs; may be repeated."),
    ] = None,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Make a project of a pickled scikit-learn estimator.

    Its scikit-learn is pinned as the pickle says. Reading a pickle runs code, so it is read in
    the project's locked environment only: in a container where there is an engine.

    \b
    algo import sklearn churn.joblib
    algo import sklearn churn.pkl services/churn --name acme/churn --example customer.json
    algo import sklearn churn.pkl --with xgboost==3.0.5 --code features.py
    """
    from algo.commands.shared.importing import import_project, source_path
    from algo.importing.sklearn import SklearnSource

    deps: Deps = ctx.obj
    modules = tuple(source_path(deps, one) for one in code or ())
    source = SklearnSource(source_path(deps, path), loosen, tuple(extra or ()), modules)
    made = import_project(deps, source, folder, name, example, engine)
    deps.output.result(made, human=made.sentence)
