"""`algo inspect`: what a version holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def inspect_command(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="[HOST/]OWNER/NAME[:VERSION|@DIGEST].",
            autocompletion=references,
        ),
    ],
    sbom: Annotated[
        bool, typer.Option("--sbom", help="Print its signed bill of materials, CycloneDX 1.6.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Show what a version holds.

    It shows what each signature is worth here and refuses nothing; algo verify does.

    \b
    algo inspect acme/digits:1.0.0
    algo inspect registry.example.com/acme/digits --json
    algo inspect acme/digits:1.0.0 --sbom > digits.cdx.json
    """
    from algo.commands.shared.publishing import inspection_text
    from algo.images.recipe import host_platform
    from algo.oci.reference import Reference
    from algo.publish.inspect import inspect, sbom_of

    deps: Deps = ctx.obj
    if sbom:
        document = sbom_of(Reference.parse(reference), deps.consuming(), str(host_platform()))
        deps.output.raw(document + b"\n")
        return
    found = inspect(Reference.parse(reference), deps.consuming())
    deps.output.result(found, human=inspection_text(found))
