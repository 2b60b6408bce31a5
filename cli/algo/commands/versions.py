"""`algo versions`: the versions of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def versions_command(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[[HOST/]OWNER/NAME[:RANGE]]",
            help="Default: the project, where it is published.",
            autocompletion=references,
        ),
    ] = "",
    json: JsonOpt = False,
) -> None:
    """List the versions of a name.

    The newest comes first; what `algo yank` took back says why, and is never the latest.

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
    policy = deps.consuming().accepted()
    found = list_versions(reference, deps.registry(reference.host), policy)
    rows = []
    for item in found.versions:
        said = f"yanked: {item.yanked}" if item.yanked else "latest" if item.latest else ""
        rows.append((item.version, item.digest, said))
    deps.output.result(found, human=Table(("version", "digest", ""), rows))
