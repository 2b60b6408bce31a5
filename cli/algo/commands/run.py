"""`algo run`: one call, the result alone on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, GpuOpt, JsonOpt, SkipVerifyOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def run_command(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET] [-]",
            help="A folder, owner/name:version or a URL; - reads the input from stdin.",
            autocompletion=references,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("-d", "--data", metavar="JSON|@FILE", help="The input as JSON; @- is stdin."),
    ] = None,
    data_file: Annotated[
        str | None,
        typer.Option(
            "-D", "--data-file", metavar="FILE", help="A file to send as it is; - is stdin."
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", metavar="KEY=VALUE", help="One field of the input."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the result there.")
    ] = None,
    engine: EngineOpt = "",
    gpu: GpuOpt = "",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for the answer.")
    ] = 300.0,
    token: Annotated[
        str,
        typer.Option(
            "--token", envvar="ALGO_TOKEN", metavar="TOKEN", help="For a service that wants one."
        ),
    ] = "",
    insecure_skip_verify: SkipVerifyOpt = False,
    json: JsonOpt = False,
) -> None:
    """Call an algorithm once.

    A running `algo serve` of the project is used; else it is started and stopped again.

    \b
    algo run -d '{"image": [[0, 5]]}'
    algo run services/digits -D scan.json -o answer.json
    algo run -i name=Ada -i image=@scan.json
    cat scan.json | algo run acme/digits:1.0.0 -
    algo run http://127.0.0.1:8080 -d 41
    """
    from algo.commands.shared.serving import call_place, deliver
    from algo.resources import output_file
    from algo.serving.body import Given, read_body
    from algo.serving.call import run
    from algo.serving.target import find_target, split_words

    deps: Deps = ctx.obj
    target, stdin = split_words(words or [])
    found = find_target(target, deps.cwd)  # before its input: without it nothing else matters
    place_of_answer = output_file(deps.cwd, out) if out else None
    body = read_body(Given(data, data_file, pairs or [], stdin), deps.cwd, deps.read_stdin)
    with call_place(deps, found, engine, gpu=gpu, skip_verify=insecure_skip_verify) as place:
        answer = run(place, body, deps.output.event, timeout, token)
    deliver(deps, answer, place_of_answer)
