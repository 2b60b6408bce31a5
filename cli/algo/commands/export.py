"""`algo export`: a version as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def export_command(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="[HOST/]OWNER/NAME[:VERSION|@DIGEST].",
            autocompletion=references,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Default: NAME-VERSION.tar; of a project, in dist/.",
        ),
    ] = None,
    insecure_skip_verify: Annotated[
        bool,
        typer.Option("--insecure-skip-verify", help="Write it unverified; this is recorded."),
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Write a version with all that is attached to it into one file.

    The file goes where no registry is reached: `algo import version` reads and verifies it,
    `docker load`, podman, skopeo and oras read it, too. The same version, the same bytes.

    \b
    algo export acme/digits:1.0.0
    algo export registry.example.com/acme/digits:^1 -o /media/usb/digits.tar
    """
    from algo.commands.shared.publishing import archive_place, size
    from algo.oci.reference import Reference
    from algo.publish.archived import export_version

    deps: Deps = ctx.obj
    wanted = Reference.parse(reference)
    place, folder = archive_place(deps, output)
    tools = deps.consuming(skip=insecure_skip_verify)
    done = export_version(wanted, place, folder, tools, notify=deps.output.event)
    deps.output.result(
        done, human=f"{done.file}\n{done.name}:{done.version} {done.digest}, {size(done.size)}"
    )
