"""`algo verify`: signatures, digests and history of a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def verify_command(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="[HOST/]OWNER/NAME[:VERSION|@DIGEST].",
            autocompletion=references,
        ),
    ],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Accept this public key and no other."),
    ] = None,
    json: JsonOpt = False,
) -> None:
    """Check signatures, digests and history of a version.

    Every byte is read. A moved tag, a changed blob, a missing, foreign or revoked signature,
    or what trust.toml asks for and is not there, is refused with exit code 4.

    \b
    algo verify acme/digits:1.0.0
    algo verify registry.example.com/acme/digits:^1
    algo verify acme/digits:1.0.0 --key algo.pub
    """
    from algo.commands.shared.publishing import size, source_line
    from algo.events import counted
    from algo.oci.reference import Reference
    from algo.publish.consume import verify_version
    from algo.trust.policy import only

    deps: Deps = ctx.obj
    tools = deps.consuming(policy=only(deps.cwd / key) if key else None)
    found = verify_version(Reference.parse(reference), tools, notify=deps.output.event)
    versions = "the first version" if found.history == 1 else f"{found.history} versions"
    if found.history_continues:
        versions = f"{found.history} here, those before in {found.history_continues}"
    models = f" and {counted(found.models, 'model')}" if found.models else ""
    source = f"\nmade from {source_line(found.provenance)}" if found.provenance else ""
    deps.output.result(
        found,
        human=f"VERIFIED by {found.signer} ({found.key[:16]})\n{found.reference}@{found.digest}\n"
        f"{size(found.bytes_checked)}{models} are what was signed; its history: {versions}{source}",
    )
