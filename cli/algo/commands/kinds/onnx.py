"""`algo import onnx`: a project that serves an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, ExampleOpt, FolderArg, JsonOpt, NameOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def import_command(
    ctx: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The .onnx file, or the folder that holds it.")
    ],
    folder: FolderArg = None,
    name: NameOpt = "",
    example: ExampleOpt = None,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Make a project of an ONNX file.

    It is served through onnxruntime. Inputs, outputs and their types are read from the file; the
    model is then run once in its locked environment, and what it answers becomes a golden case.

    \b
    algo import onnx iris.onnx
    algo import onnx iris.onnx services/iris --name acme/iris --example flower.json
    """
    from algo.commands.shared.importing import import_project, source_path
    from algo.importing.onnx import OnnxSource

    deps: Deps = ctx.obj
    source = OnnxSource(source_path(deps, path))
    made = import_project(deps, source, folder, name, example, engine)
    deps.output.result(made, human=made.sentence)
