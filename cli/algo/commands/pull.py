"""`algo pull`: bring a version here, verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def pull_command(
    ctx: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="HOST/OWNER/NAME[:VERSION|@DIGEST].")
    ],
    insecure_skip_verify: Annotated[
        bool,
        typer.Option("--insecure-skip-verify", help="Take it unverified; this is recorded."),
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Fetch a version into the local store and verify it.

    The same bytes, with signatures and all that is attached; its digest stays what it was.

    \b
    algo pull registry.example.com/acme/digits:1.0.0
    algo pull registry.example.com/acme/digits@sha256:…
    """
    from algo.oci.reference import Reference
    from algo.publish.consume import pull

    deps: Deps = ctx.obj
    tools = deps.consuming(skip=insecure_skip_verify)
    pulled = pull(Reference.parse(reference), tools, notify=deps.output.event)
    deps.output.result(pulled, human=f"{pulled.name}@{pulled.digest}")
