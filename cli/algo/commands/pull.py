"""`algo pull`: bring a version here, verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def pull_command(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="HOST/OWNER/NAME[:VERSION|@DIGEST].",
            autocompletion=references,
        ),
    ],
    insecure_skip_verify: Annotated[
        bool,
        typer.Option("--insecure-skip-verify", help="Take it unverified; this is recorded."),
    ] = False,
    models: Annotated[
        Path | None,
        typer.Option("--models", metavar="FOLDER", help="Also write its models below FOLDER."),
    ] = None,
    json: JsonOpt = False,
) -> None:
    """Fetch a version into the local store and verify it.

    The same bytes, with signatures and all that is attached; its digest stays what it was.
    With --models its weights are unpacked as well, each with the signature beside it that
    `model_signing verify key` checks.

    \b
    algo pull registry.example.com/acme/digits:1.0.0
    algo pull registry.example.com/acme/digits@sha256:…
    algo pull registry.example.com/acme/digits:1.0.0 --models weights
    """
    from algo.commands.shared.publishing import taken
    from algo.oci.reference import Reference
    from algo.publish.consume import pull

    deps: Deps = ctx.obj
    tools = deps.consuming(skip=insecure_skip_verify)
    pulled = pull(Reference.parse(reference), tools, notify=deps.output.event)
    if models is not None:
        pulled = taken(deps, pulled, tools, deps.cwd / models)
    lines = [f"{pulled.name}@{pulled.digest}", *(model.path for model in pulled.models)]
    deps.output.result(pulled, human="\n".join(lines))
