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


IntoOpt = Annotated[
    Into | None,
    typer.Option("--into", help="Where it goes. Default: docker when it answers, else store."),
]
OutputOpt = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write it to a file for docker load, skopeo, podman."),
]
PlatformOpt = Annotated[
    str,
    typer.Option(
        "--platform",
        metavar="OS/ARCH[,…]",
        help="What it runs on, several with commas, or all. Default: this machine's.",
    ),
]
CheckOpt = Annotated[
    bool,
    typer.Option("--check", help="Build twice, the second time as elsewhere, and compare."),
]
RebaseOpt = Annotated[
    bool, typer.Option("--rebase", help="Take today's runtime image, and make no other layer anew.")
]
SizesOpt = Annotated[bool, typer.Option("--sizes", help="Show how large each package in it is.")]
SbomOpt = Annotated[
    bool, typer.Option("--sbom", help="Print what it holds, as CycloneDX, and send it nowhere.")
]


def build_command(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="[REFERENCE]", help="With --rebase: a published version.")
    ] = "",
    into: IntoOpt = None,
    output: OutputOpt = None,
    platform: PlatformOpt = "",
    check: CheckOpt = False,
    rebase: RebaseOpt = False,
    sizes: SizesOpt = False,
    sbom: SbomOpt = False,
    json: JsonOpt = False,
) -> None:
    """Assemble the image and print its digest.

    \b
    algo build                          into Docker
    algo build --into store             into the embedded store, no engine needed
    algo build -o ../digits.tar         into a file
    algo build --platform all           for linux/amd64 and linux/arm64
    algo build --check                  prove that it is the same anywhere
    algo build --rebase                 onto the system packages of today
    algo build --sbom -o ../sbom.json   every package and model in it
    """
    deps: Deps = ctx.obj
    again = None
    if not (target or output or check or rebase or sizes or sbom):
        from algo.commands.shared.again import Again

        again = Again.of(deps, into or "", platform)
        if again is not None and again.shown():
            return
    from algo.commands.shared import building
    from algo.project.project import Project

    building.refuse_together(check=check, sbom=sbom, rebase=rebase, sizes=sizes)
    wish = building.Wish(building.platforms(platform), output, into, sizes, rebase)
    if target:
        building.rebase_version(deps, target, wish)
        return
    project = Project.find(deps.cwd)
    if check:
        building.check(deps, project, wish)
    elif sbom:
        building.show_sbom(deps, project, wish)
    else:
        building.build(deps, project, wish, again)
