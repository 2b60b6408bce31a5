"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

JsonOpt = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
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
