"""`algo versions`: the versions of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def versions_command(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[[HOST/]OWNER/NAME[:RANGE]]",
            help="Default: the project, where it is published.",
        ),
    ] = "",
    json: JsonOpt = False,
) -> None:
    """List the versions of a name.

    The newest comes first.

    \b
    algo versions
    algo versions acme/digits
    algo versions acme/digits:^1.2
    algo versions registry.example.com/acme/digits --json
    """
    from algo.oci.reference import Reference
    from algo.output import Table
    from algo.project.project import Project
    from algo.publish.destination import destination
    from algo.publish.listing import list_versions

    deps: Deps = ctx.obj
    reference = Reference.parse(name) if name else destination("", Project.find(deps.cwd))
    found = list_versions(reference, deps.registry(reference.host))
    rows = [(item.version, item.digest, "latest" if item.latest else "") for item in found.versions]
    deps.output.result(found, human=Table(("version", "digest", ""), rows))
