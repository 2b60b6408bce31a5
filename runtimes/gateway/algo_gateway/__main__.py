"""The gateway's process: `python -m algo_gateway --algorithm … --app … --runtime …`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo_gateway.config import Options, read_description, runner_command
from algo_gateway.local import open_local
from algo_gateway.wire.spawning import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse(arguments: list[str], environment: Mapping[str, str]) -> Options:
    """Parse the command line and what the environment says instead (runtimes/README.md)."""
    parser = argparse.ArgumentParser(prog="algo_gateway", description=__doc__)
    parser.add_argument("--algorithm", type=Path, required=True, help="algorithm.json")
    parser.add_argument("--app", type=Path, required=True, help="the project's files")
    parser.add_argument("--runtime", type=Path, required=True, help="the language's folder")
    parser.add_argument("--packages", type=Path, help="the packages' folder, if there is one")
    parser.add_argument("--program", type=Path, help="the compiled program's folder")
    parser.add_argument("--python", default="", help="the interpreter of the environment")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0: any that is free")
    parser.add_argument("--grpc-port", type=int, help="gRPC, too; also ALGO_GRPC_PORT")
    parser.add_argument("--control", default="", help="unix:PATH, tcp:HOST:PORT or fd:N")
    kept = os.environ.get("ALGO_JOBS") or None
    parser.add_argument("--jobs", type=Path, default=kept, help="where jobs are kept (ALGO_JOBS)")
    parser.add_argument("--development", action="store_true", help="stack traces in answers")
    parser.add_argument("--lifeline", type=int, default=-1, help="end when this closes")
    parser.add_argument("--socket", type=int, default=-1, help="listen on this descriptor")
    parser.add_argument("--door", type=Path, help="take the listening socket from there")
    parser.add_argument("--standby", action="store_true", help="accept when told to")
    parser.add_argument("--tokens", type=Path, help="who may call; also ALGO_TOKENS")
    parser.add_argument("--access-log", action="store_true", help="also ALGO_ACCESS_LOG=1")
    parser.add_argument("--local", action="store_true", help="no web pages; also ALGO_LOCAL=1")
    parser.add_argument("--gpu", action="store_true", help="it has GPUs; also ALGO_GPU=1")
    values = vars(parser.parse_args(arguments))
    if values["tokens"] is None and environment.get("ALGO_TOKENS"):
        values["tokens"] = Path(environment["ALGO_TOKENS"])
    for name in ("access_log", "local", "gpu"):
        values[name] = values[name] or environment.get(f"ALGO_{name.upper()}") == "1"
    if values["grpc_port"] is None:
        values["grpc_port"] = _port(parser, environment.get("ALGO_GRPC_PORT", ""))
    values["app"] = values["app"].resolve()
    if values["jobs"]:
        values["jobs"] = values["jobs"].absolute()
    if values["packages"] and not values["packages"].is_dir():
        values["packages"] = None
    return Options(**values)


def _port(parser: argparse.ArgumentParser, text: str) -> int:
    """Return a port of the environment, negative where it says nothing."""
    if text and not (text.isdecimal() and int(text) < 1 << 16):
        parser.error(f"ALGO_GRPC_PORT is {text!r}, which is no port")
    return int(text) if text else -1


def main() -> None:
    """Run the gateway and exit with its code."""
    began = time.perf_counter()
    options = parse(sys.argv[1:], os.environ)
    try:
        description = read_description(options.algorithm)
    except (OSError, ValueError) as error:
        sys.exit(f"algo_gateway: {options.algorithm} cannot be read: {error}")
    try:
        command = runner_command(options)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"algo_gateway: {options.runtime} is no runtime: {error}")
    _keep(options)
    try:
        # Before the runner, which is told of it.
        local = open_local() if description.written_for == "algorithmia" else None
        # Before the imports below: the runner starts on another core meanwhile.
        first = spawn(command)
    except OSError as error:
        sys.exit(f"algo_gateway: the runner cannot be started: {command[0]}: {error.strerror}")

    import uvloop

    from algo_gateway.serve import Gateway

    async def run() -> int:
        return await Gateway(options, description, began, local).run(first)

    sys.exit(uvloop.run(run()))


def _keep(options: Options) -> None:
    """Keep the sockets that we were started with from the runner."""
    kind, _, rest = options.control.partition(":")
    for descriptor in (options.socket, int(rest) if kind == "fd" else -1):
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)


if __name__ == "__main__":
    main()
