"""`algo login`: credentials for a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def login_command(
    ctx: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="HOST[:PORT] of the registry.")],
    user: Annotated[
        str, typer.Option("--username", "-u", metavar="USER", help="Default: ask.")
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Store credentials for a registry.

    They are tried first, then kept where Docker keeps them: config.json or its helper.

    \b
    algo login registry.example.com
    pass show registry | algo login registry.example.com -u ada --password-stdin
    """
    from algo.commands.shared.credentials import read_credentials
    from algo.oci.reference import host_of
    from algo.registry.opening import check_login, store_login

    deps: Deps = ctx.obj
    host = host_of(host)
    name, password = read_credentials(deps, user, password_stdin)
    check_login(host, name, password, deps.env)
    where = store_login(host, name, password, deps.env)
    deps.output.result(
        {"host": host, "user": name, "stored": where}, human=f"Logged in to {host} as {name}"
    )
