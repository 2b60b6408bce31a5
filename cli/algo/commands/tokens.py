"""`algo tokens`: who may call a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps

app = typer.Typer(
    help="""Create, list and revoke the tokens of a service.

    \b
    algo tokens create ci
    algo serve --tokens tokens.json
    docker run -v ./tokens.json:/tokens.json:ro -e ALGO_TOKENS=/tokens.json … IMAGE
    """,
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)


@app.callback()
def tokens(ctx: typer.Context) -> None:
    """Create, list and revoke the tokens of a service."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


FileOpt = Annotated[
    Path,
    typer.Option(
        "--file", envvar="ALGO_TOKENS", metavar="FILE", help="Where their hashes are kept."
    ),
]
DEFAULT = Path("tokens.json")


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who gets it.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="call|admin", help="What it may do; may be repeated. Default: call."
        ),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="90d|12h|30m", help="Default: never.")
    ] = "",
    file: FileOpt = DEFAULT,
    json: JsonOpt = False,
) -> None:
    """Make a token and print it, this once.

    The scope call is for calls, admin for /metrics and the list of jobs.

    \b
    algo tokens create ci --expires 90d
    algo tokens create prometheus --scope admin
    """
    import secrets

    from algo.access.tokens import create as make
    from algo.commands.shared.tokens import shown, told

    deps: Deps = ctx.obj
    text, token = make(
        deps.cwd / file,
        name,
        scopes or ["call"],
        expires=expires,
        now=deps.now(),
        secret=secrets.token_urlsafe(32),
    )
    deps.output.event(told(token, file))
    deps.output.result({"token": text, **shown(token)}, human=text)


@app.command("list")
def list_tokens(ctx: typer.Context, file: FileOpt = DEFAULT, json: JsonOpt = False) -> None:
    """List who has a token, what for and until when.

    \b
    algo tokens list
    """
    from algo.access.tokens import known
    from algo.commands.shared.tokens import shown, table

    deps: Deps = ctx.obj
    found = known(deps.cwd / file)
    rows = [shown(token) for token in found]
    deps.output.result({"tokens": rows}, human=table(found, deps.now()))


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, or its name.")],
    file: FileOpt = DEFAULT,
    json: JsonOpt = False,
) -> None:
    """Remove a token: services that run refuse it within seconds.

    \b
    algo tokens revoke ci
    """
    from algo.access.tokens import revoke as remove

    deps: Deps = ctx.obj
    gone = remove(deps.cwd / file, token)
    deps.output.result({"id": gone.id, "revoked": True}, human=f"Revoked {gone.name}: {gone.id}")
