"""`algo build`: the image by itself."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


class Into(StrEnum):
    """Where an image can go."""

    DOCKER = "docker"
    STORE = "store"


def build_command(
    ctx: typer.Context,
    into: Annotated[
        Into | None,
        typer.Option("--into", help="Where it goes. Default: docker when it answers, else store."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write it to a file for docker load, skopeo, podman."),
    ] = None,
    platform: Annotated[
        str, typer.Option("--platform", metavar="OS/ARCH", help="Default: this machine's.")
    ] = "",
    sbom: Annotated[
        bool, typer.Option("--sbom", help="Print what it holds, as CycloneDX, and send it nowhere.")
    ] = False,
    json: JsonOpt = False,
) -> None:
    """Assemble the image and print its digest.

    \b
    algo build                          into Docker
    algo build --into store             into the embedded store, no engine needed
    algo build -o dist/digits.tar       into a file
    algo build --platform linux/arm64
    algo build --sbom -o dist/sbom.json every package and model in it
    """
    from algo.commands.shared import building
    from algo.oci.descriptor import Platform
    from algo.project.project import Project

    deps: Deps = ctx.obj
    project = Project.find(deps.cwd)
    where = Platform.parse(platform) if platform else None
    if sbom:
        building.show_sbom(deps, project, where, output, into)
    else:
        building.build(deps, project, where, output, into)
