"""Options that several verbs share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.deps import Deps

JsonOpt = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
EventsOpt = Annotated[bool, typer.Option("--json", help="Print a JSON event a line on stdout.")]
YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
EngineOpt = Annotated[
    str,
    typer.Option(
        "--engine",
        envvar="ALGO_ENGINE",
        metavar="docker|virtualenv",
        help="Where it runs. Default: docker when it answers, else virtualenv.",
    ),
]
SkipVerifyOpt = Annotated[
    bool,
    typer.Option("--insecure-skip-verify", help="Run a version unverified; this is recorded."),
]
GpuOpt = Annotated[
    str,
    typer.Option(
        "--gpu",
        metavar="[all|N|ID,…]",
        help="GPUs: all, any N, or these (0,1 or id:0); never the CPU instead.",
    ),
]
FolderArg = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="The project's folder. Default: ./NAME."),
]
NameOpt = Annotated[
    str,
    typer.Option("--name", metavar="OWNER/NAME", help="What to call it. Default: you, and DIR."),
]
ExampleOpt = Annotated[
    list[Path] | None,
    typer.Option(
        "--example", metavar="FILE", help="An input as JSON, for a case; may be repeated."
    ),
]
LoosenOpt = Annotated[
    bool, typer.Option("--loosen", help="Take newer versions than it was made with.")
]
WithOpt = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="REQUIREMENT", help="A package more; may be repeated."),
]


def references(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete names and versions, from what this machine has seen of them."""
    from algo.commands.shared.completing import known

    deps: Deps | None = ctx.find_root().obj
    return known(deps.folders, incomplete) if deps is not None else []


_FLAG = "--gpu"
_VALUE = re.compile(r"all|\d+|id:.*|\d+(,\d+)*,?|(GPU|MIG)-.*")
_VERBS = ("serve", "run", "test")


def spell_out(arguments: Sequence[str]) -> list[str]:
    """Return the command line with `--gpu` that has no value as `--gpu=all`.

    The next word is its value when it looks like one: `algo serve --gpu .` has none.
    """
    words = list(arguments)
    if not words or words[0] not in _VERBS:
        return words
    end = words.index("--") if "--" in words else len(words)
    for at, word in enumerate(words[:end]):
        following = words[at + 1] if at + 1 < end else ""
        if word == _FLAG and not _VALUE.fullmatch(following):
            words[at] = f"{_FLAG}=all"
    return words
