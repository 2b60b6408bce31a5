"""`algo import version`: a version that `algo export` wrote."""

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
        Path,
        typer.Argument(
            metavar="FILE",
            help="What algo export wrote.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="REGISTRY[/OWNER/NAME]",
            help="Into this registry. Default: the embedded store.",
        ),
    ] = "",
    insecure_skip_verify: Annotated[
        bool,
        typer.Option("--insecure-skip-verify", help="Take it unverified; this is recorded."),
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Read a version from a file that algo export wrote.

    The whole file is read and the signatures are checked before anything is written. The version
    keeps its digest and all that is attached. No network is needed.

    \b
    algo import version digits-1.0.0.tar
    algo import version digits-1.0.0.tar --to registry.example.com
    """
    from algo.publish.archived import import_version

    deps: Deps = ctx.obj
    tools = deps.consuming(skip=insecure_skip_verify)
    done = import_version(deps.cwd / path, to, tools, notify=deps.output.event)
    deps.output.result(done, human=f"{done.reference}@{done.digest}")
