"""`algo import algorithmia`: an `algo.toml` for a project of Algorithmia."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def import_command(
    ctx: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that holds an algorithmia.conf.")
    ] = Path(),
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="OWNER/NAME", help="What to call it. Default: as algorithmia.conf."
        ),
    ] = "",
    json: JsonOpt = False,
) -> None:
    """Write an algo.toml into a project of Algorithmia.

    Such a project runs as it is; an algo.toml is for what algorithmia.conf cannot say: Debian
    packages, workers, limits, a GPU, a registry. Nothing else in the folder changes.

    \b
    algo import algorithmia
    algo import algorithmia services/classifier --name acme/classifier
    """
    from algo.commands.shared.importing import source_path
    from algo.importing.algorithmia import convert
    from algo.resources import data_folder

    deps: Deps = ctx.obj
    folder, templates = source_path(deps, path), data_folder("scaffolds")
    made = convert(folder, name, templates, deps.cwd, notify=deps.output.event)
    deps.output.result(made, human=made.sentence)
