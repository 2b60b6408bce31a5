"""`algo diff`: what differs between two versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def diff_command(
    ctx: typer.Context,
    old: Annotated[
        str,
        typer.Argument(
            metavar="[OLD]",
            help="Default: the latest version of the project.",
            autocompletion=references,
        ),
    ] = "",
    new: Annotated[
        str,
        typer.Argument(
            metavar="[NEW]",
            help="Default: the working tree, which is `.`.",
            autocompletion=references,
        ),
    ] = ".",
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Do not start the working tree to run its cases.")
    ] = False,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Show what differs between two versions, or the working tree.

    Contract and answers to the golden cases, packages (Debian's too), models, the project's own
    files, layers and where each came from. A side is a reference, a version of this project, or
    a folder. Of the folder `algo publish` would make the same; nothing is written.

    \b
    algo diff                           what the next publish would change
    algo diff 1.0.0                     what changed since then
    algo diff 1.0.0 1.1.0
    algo diff registry.example.com/acme/digits:^1 acme/digits:2.0.0 --json
    """
    from algo.commands.shared.differing import difference_text, sides
    from algo.publish.difference import difference

    deps: Deps = ctx.obj
    found = difference(*sides(deps, old, new, engine, run=not no_run))
    deps.output.result(found, human=difference_text(found))
