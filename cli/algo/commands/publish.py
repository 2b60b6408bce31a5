"""`algo publish`: a tested, signed, immutable version."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, JsonOpt, YesOpt

if TYPE_CHECKING:
    from algo.deps import Deps


class Step(StrEnum):
    """The steps of a semantic version."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


def publish_command(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            envvar="ALGO_REGISTRY",
            metavar="REGISTRY/OWNER/NAME",
            help="Where to. Default: [registry] url of algo.toml, else the embedded store.",
        ),
    ] = "",
    version: Annotated[
        str, typer.Option("--version", metavar="V", help="This version. Default: computed.")
    ] = "",
    bump: Annotated[
        Step | None, typer.Option("--bump", help="At least this step after the last version.")
    ] = None,
    allow_breaking: Annotated[
        str,
        typer.Option(
            "--allow-breaking",
            metavar="REASON",
            help="A lower --bump or --version than what changed asks for; the reason is signed.",
        ),
    ] = "",
    platform: Annotated[
        str,
        typer.Option(
            "--platform",
            metavar="OS/ARCH[,…]",
            help="What it runs on, several with commas, or all. Default: this machine's.",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
    ] = False,
    allow_dirty: Annotated[
        bool,
        typer.Option("--allow-dirty", help="Also files that are in no commit; this is recorded."),
    ] = False,
    yes: YesOpt = False,
    engine: EngineOpt = "",
    json: JsonOpt = False,
) -> None:
    """Publish a tested, signed, immutable version.

    The first version is 1.0.0; the next one is computed from what changed. Cases and tests run
    first. Everything is sent by digest, the version's tag last: a failed publish leaves no
    version. What is in no git commit is refused. Without a terminal, --yes is needed.

    \b
    algo publish
    algo publish --dry-run
    algo publish --to registry.example.com/acme/digits --yes
    algo publish --bump minor --yes --json
    algo publish --platform all            for linux/amd64 and linux/arm64
    """
    from algo.commands.shared.building import platforms
    from algo.commands.shared.plans import plan_text
    from algo.commands.shared.publishing import (
        ProjectTests,
        confirmation,
        published_text,
        reason_for_breaking,
    )
    from algo.project.project import Project
    from algo.publish.again import keeping
    from algo.publish.prepare import Wish
    from algo.publish.publish import plan, publish
    from algo.versions.version import Bump, Version

    deps: Deps = ctx.obj
    given: dict[str, str | bool] = {
        "--to": to,
        "--version": version,
        "--bump": str(bump or ""),
        "--allow-breaking": allow_breaking,
        "--platform": platform,
        "--dry-run": dry_run,
        "--allow-dirty": allow_dirty,
        "--yes": yes,
        "--engine": engine,
        "--json": json,
    }
    with keeping(given):
        exact = Version.parse(version) if version else None
        step = Bump.parse(bump) if bump else None
        breaking = reason_for_breaking(allow_breaking, asked=bool(exact or step))
        wish = Wish(to, exact, step, allow_dirty, platforms(platform), breaking)
        project = Project.find(deps.cwd)
        confirm = confirmation(deps, yes or dry_run)
        tools = deps.publishing(ProjectTests(deps, engine))
        if dry_run:
            planned = plan(project, wish, tools, notify=deps.output.event)
            deps.output.result(planned, human=plan_text(planned))
        else:
            published = publish(project, wish, tools, confirm=confirm, notify=deps.output.event)
            deps.output.result(published, human=published_text(published))
