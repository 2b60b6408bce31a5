"""`algo serve`: a running service that follows every edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import EngineOpt, EventsOpt, GpuOpt, SkipVerifyOpt, references

if TYPE_CHECKING:
    from algo.deps import Deps


def serve_command(
    ctx: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            help="A folder, or owner/name:version. Default: this project.",
            autocompletion=references,
        ),
    ] = "",
    engine: EngineOpt = "",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="The port, 0 for any. Default: 8080, or the next free one."
        ),
    ] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, envvar="ALGO_GRPC_PORT", help="Answer gRPC, too: the port, 0 for any."
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Run the image as it would be published.")
    ] = False,
    no_reload: Annotated[bool, typer.Option("--no-reload", help="Do not watch for edits.")] = False,
    gpu: GpuOpt = "",
    tokens: Annotated[
        Path | None,
        typer.Option(
            "--tokens",
            envvar="ALGO_TOKENS",
            metavar="FILE",
            help="Want one of these (algo tokens).",
        ),
    ] = None,
    insecure_no_token: Annotated[
        bool, typer.Option("--insecure-no-token", help="Let whoever reaches --host call.")
    ] = False,
    access_log: Annotated[
        bool,
        typer.Option("--access-log", envvar="ALGO_ACCESS_LOG", help="Show a line for each answer."),
    ] = False,
    insecure_skip_verify: SkipVerifyOpt = False,
    json: EventsOpt = False,
) -> None:
    """Serve an algorithm and reload it on every edit.

    Ctrl-C stops everything, with exit code 0 once it is ready. On a terminal r reloads,
    q quits, l hides what the code prints. With --json, stdout has one event a line.

    \b
    algo serve
    algo serve --port 0 --engine virtualenv
    algo serve --exact
    algo serve --gpu
    algo serve --grpc-port 8081
    algo serve acme/digits:1.0.0
    algo serve --host 0.0.0.0 --tokens tokens.json
    """
    from algo.commands.shared.serving import open_service
    from algo.commands.shared.tokens import access_of
    from algo.serving.serve import serve
    from algo.serving.target import find_target

    deps: Deps = ctx.obj
    found = find_target(target, deps.cwd)  # before its options: without it nothing else matters
    access = access_of(deps, host, tokens, open_to_all=insecure_no_token, log=access_log)
    with open_service(
        deps,
        found,
        engine,
        host,
        port,
        exact=exact,
        reload=not no_reload,
        gpu=gpu,
        grpc_port=grpc_port,
        access=access,
        skip_verify=insecure_skip_verify,
    ) as service:
        serve(
            service.engine,
            service.servable,
            service.options,
            sample=service.sample,
            watcher=service.watcher,
            tree=service.tree,
            notify=deps.output.stream,
            keys=deps.keys(),
        )
