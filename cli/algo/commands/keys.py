"""`algo keys`: signing keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps

app = typer.Typer(
    help="""Create, show and trust signing keys.

    \b
    algo keys list
    algo keys export > algo.pub
    algo keys trust colleague.pub
    """,
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)


@app.callback()
def keys(ctx: typer.Context) -> None:
    """Create, show and trust signing keys."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


NameOpt = Annotated[str, typer.Argument(metavar="[NAME]", help="The key's name.")]


@app.command("create")
def create(ctx: typer.Context, name: NameOpt = "default", json: JsonOpt = False) -> None:
    """Make a signing key.

    It is encrypted when ALGO_SIGNING_PASSWORD holds a passphrase. The key called default
    signs; publish makes it when it is missing.

    \b
    algo keys create
    ALGO_SIGNING_PASSWORD=… algo keys create team
    """
    from algo.commands.shared.keys import shown

    deps: Deps = ctx.obj
    key = deps.keyring().create(name).public
    deps.output.result(shown(name, key), human=f"Made the key {name}: {key.id}")


@app.command("list")
def list_keys(ctx: typer.Context, json: JsonOpt = False) -> None:
    """List your own, trusted and revoked keys.

    \b
    algo keys list
    """
    from algo.commands.shared.keys import table

    deps: Deps = ctx.obj
    keys = deps.keyring().known()
    deps.output.result({"keys": keys}, human=table(keys))


@app.command("export")
def export(ctx: typer.Context, name: NameOpt = "", json: JsonOpt = False) -> None:
    """Print a public key as PEM, for cosign and for whoever verifies.

    Without a name it is that of the key that signs.

    \b
    algo keys export > algo.pub
    """
    from algo.commands.shared.keys import shown

    deps: Deps = ctx.obj
    key = deps.keyring().export(name)
    deps.output.result(shown(name or "default", key), human=key.pem)


@app.command("import")
def import_key(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A private key: PKCS#8, SEC 1 or cosign's.")],
    name: NameOpt = "default",
    json: JsonOpt = False,
) -> None:
    """Take over a private key of yours.

    ALGO_SIGNING_PASSWORD opens an encrypted one; it is stored encrypted with the same.

    \b
    algo keys import signing.pem
    ALGO_SIGNING_PASSWORD=… algo keys import cosign.key team
    """
    from algo.commands.shared.keys import read_pem, shown

    deps: Deps = ctx.obj
    key = deps.keyring().take(read_pem(deps.cwd / file), name).public
    deps.output.result(shown(name, key), human=f"Took the key {name}: {key.id}")


@app.command("trust")
def trust(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A public key as PEM.")],
    owner: Annotated[
        str, typer.Option("--owner", help="Accept it for names of this owner only.")
    ] = "",
    label: Annotated[str, typer.Option("--label", help="Whose it is. Default: the file.")] = "",
    json: JsonOpt = False,
) -> None:
    """Accept what somebody else's key signed.

    \b
    algo keys trust acme.pub --owner acme
    """
    from algo.commands.shared.keys import read_pem, shown
    from algo.trust.keys import PublicKey

    deps: Deps = ctx.obj
    key = PublicKey.parse(read_pem(deps.cwd / file))
    deps.keyring().trust(key, label or file.stem, owner)
    whose = f" for {owner}" if owner else ""
    deps.output.result(shown(label or file.stem, key), human=f"Trusting {key.id}{whose}")


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the name of your own.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the list.")] = "",
    json: JsonOpt = False,
) -> None:
    """Refuse from now on what a key signed.

    \b
    algo keys revoke default --reason "laptop lost"
    algo keys revoke 3f9c41d2a07be655
    """
    deps: Deps = ctx.obj
    found = deps.keyring().revoke(key, reason)
    deps.output.result({"id": found, "revoked": True}, human=f"Revoked {found}")
