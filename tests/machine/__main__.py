"""Set up and run the real components: `python3 -m tests.machine COMMAND`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.machine import apt, base, engine, environment, pinned, registries, tools
from tests.machine.say import MachineError, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType


def main(words: Sequence[str]) -> int:
    """Run one command of the set-up and return its exit code."""
    arguments = _parser().parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.machine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], help_text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    add("engine", _engine, "start a Docker Engine, if none answers, and leave it running")
    add("stop", _stop, "stop the Docker Engine that `engine` started")
    add("base", _base, f"make sure that the engine has {base.IMAGE}")
    add("tools", _tools, "fetch cosign 3, cosign 2, oras, crane, prometheus, skopeo and Docker 28")
    add("registry", _registry, "fetch and build the registries that the tests run")
    wanted = add("clients", _clients, "make the environments of the clients that tests call with")
    wanted.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    add("venv", _venv, "create .venv with the project and its development tools")
    add("setup", _setup, "install all that the tests need; starts nothing")
    packages = add("packages", _packages, "install Debian packages that are missing")
    packages.add_argument("names", nargs="+", metavar="PACKAGE")
    wrap = add("with", _with, "run a command with an engine; stop what was started for it")
    wrap.add_argument("--registry", action="store_true", help="with a registry, too")
    optional = "go on without what can't be had, and say so"
    wrap.add_argument("--optional", action="store_true", help=optional)
    wrap.add_argument("command", nargs="+", metavar="COMMAND", help="after `--`")
    return parser


def _engine(_: argparse.Namespace) -> int:
    engine.start()
    return 0


def _stop(_: argparse.Namespace) -> int:
    if not engine.stop():
        say("the set-up has no engine running")
    return 0


def _base(_: argparse.Namespace) -> int:
    with engine.lease():
        base.ensure()
    return 0


def _tools(_: argparse.Namespace) -> int:
    for name in ("cosign3", "cosign2", "oras", "crane", "skopeo", "docker28"):
        tools.fetch(name)
    return 0


def _registry(_: argparse.Namespace) -> int:
    tools.fetch("docker-registry")
    registries.build_referrers()
    return 0


def _clients(arguments: argparse.Namespace) -> int:
    for name in arguments.names or pinned.clients():
        say(f"{name}: {pinned.client(name)}")
    return 0


def _venv(_: argparse.Namespace) -> int:
    environment.ensure()
    return 0


def _setup(arguments: argparse.Namespace) -> int:
    environment.ensure()
    if engine.version() is None:
        engine.install()
    apt.install("mmdebstrap", "chromium", "chromium-driver", "patchelf", *languages())
    for name in pinned.clients():
        pinned.client(name)
    return _tools(arguments) or _registry(arguments)


def languages() -> list[str]:
    """Return the Debian packages of the languages that are not here by other means."""
    programs = {
        **{"node": "nodejs", "npm": "npm", "prove": "perl", "ps": "procps"},
        **{"ruby": "ruby", "bundle": "ruby-bundler ruby-fast-stemmer"},
        **{"Rscript": "r-base-core r-cran-jsonlite", "gcc": "gcc libc6-dev"},
    }
    missing = [packages for program, packages in programs.items() if shutil.which(program) is None]
    return " ".join(missing).split()


def _packages(arguments: argparse.Namespace) -> int:
    apt.install(*arguments.names)
    return 0


def _with(arguments: argparse.Namespace) -> int:
    """Run a command; it learns what there is from `ALGO_MACHINE_ENGINE` and `…_REGISTRY`."""
    env = dict(os.environ)
    with ExitStack() as stack:
        # A terminated make target stops what it started, too.
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            stack.enter_context(engine.lease())
            base.ensure()
            env["ALGO_MACHINE_ENGINE"] = "docker"
        except MachineError as error:
            _go_on(error, "the virtualenv engine is used", optional=arguments.optional)
            env["ALGO_MACHINE_ENGINE"] = "virtualenv"
        if arguments.registry:
            try:
                tools.fetch("docker-registry")
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                address = stack.enter_context(registries.docker_registry(folder))
                env["ALGO_MACHINE_REGISTRY"] = address
            except MachineError as error:
                _go_on(error, "the embedded store is used", optional=arguments.optional)
        return _run(arguments.command, env)


def _go_on(error: MachineError, instead: str, *, optional: bool) -> None:
    if not optional:
        raise error
    say(f"{error}; {instead}")


def _run(command: list[str], env: dict[str, str]) -> int:
    """Run `command` until it ends; an interrupt reaches it, and it is waited for."""
    try:
        process = subprocess.Popen(command, env=env)
    except OSError as error:
        raise MachineError(f"{command[0]} can't be run: {error.strerror}") from None
    try:
        status = process.wait()
        return status if status >= 0 else 128 - status
    except KeyboardInterrupt:
        # A terminal has sent Ctrl-C to the command as well; any other sender has not.
        if not sys.stdin.isatty():
            process.send_signal(signal.SIGINT)
        process.wait()
        return 130


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
