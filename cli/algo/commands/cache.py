"""`algo cache`: what algo keeps on this machine, and how it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps

app = typer.Typer(
    help="""Show what algo keeps on this machine, and make room.

    \b
    algo cache info
    algo cache prune --dry-run
    algo cache prune --older-than 30d --max-size 20GB
    """,
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)


@app.callback()
def cache(ctx: typer.Context) -> None:
    """Show what algo keeps on this machine, and make room."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("info")
def info(ctx: typer.Context, json: JsonOpt = False) -> None:
    """Show what is there, by kind: how much, what is in use, what nobody needs.

    A file that several places share is counted once in the sum.

    \b
    algo cache info
    algo cache info --json
    """
    from algo.commands.shared.caching import kinds, table
    from algo.storage.room import take_stock

    deps: Deps = ctx.obj
    taken = take_stock(kinds(deps))
    deps.output.result(taken, human=table(taken))


@app.command("prune")
def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="30d|12h", help="Also what was not used for so long."),
    ] = "",
    max_size: Annotated[
        str,
        typer.Option(
            "--max-size", metavar="20GB", help="Also the longest unused, until so much is left."
        ),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Also all that is not in use and can be had again.")
    ] = False,
    everyone: Annotated[
        bool,
        typer.Option("--everyone", help="Also images that other users of the engine may need."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Remove nothing, and tell what would go.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Remove what nothing can find any more, and what the options say.

    Published and pulled versions, keys and jobs stay; so does what a running command uses, and
    images that are in a container or that only others have used in this engine.

    \b
    algo cache prune
    algo cache prune --older-than 30d --max-size 20GB
    algo cache prune --all --dry-run
    """
    from algo.commands.shared.caching import kinds, limits, summary
    from algo.storage.room import prune as make_room

    deps: Deps = ctx.obj
    wanted = limits(older_than, max_size, everything=everything)
    done = make_room(
        kinds(deps, everyone=everyone), wanted, deps.now().timestamp(), dry_run=dry_run
    )
    further = not (everything or older_than or max_size)
    deps.output.result(done, human=summary(done, further=further))
