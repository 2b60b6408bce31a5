"""`algo yank`: mark a version as not to be used any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def yank_command(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="[HOST/]OWNER/NAME:VERSION, or @DIGEST.",
            autocompletion=references,
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is shown to whoever asks.")
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the mark back.")] = False,
    json: JsonOpt = False,
) -> None:
    """Mark a version as not to be used any more.

    Nothing is removed. Ranges and `latest` pass over it from now on; who asks for the version is
    refused with the reason (exit code 4), who runs it by its digest goes on with a warning. The
    mark is signed; marks of keys that are not trusted do not count.

    \b
    algo yank registry.example.com/acme/digits:1.2.0 --reason "answers wrongly for empty images"
    algo yank registry.example.com/acme/digits:1.2.0 --undo
    """
    from algo.oci.reference import Reference
    from algo.publish.yank import yank_version

    deps: Deps = ctx.obj
    said = yank_version(
        Reference.parse(reference), reason, deps.consuming(), undo=undo, notify=deps.output.event
    )
    state = f"yanked: {said.reason}" if said.yanked else "not yanked"
    before = " already" if said.unchanged else ""
    deps.output.result(said, human=f"{said.reference} is{before} {state}")
