"""The command tree, in one table; a verb's module is imported when the verb is used."""

from __future__ import annotations

import importlib
import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from algo import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = "`algo VERB --help` shows examples. Results go to stdout, everything else to stderr."


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: its section in `--help` and the first line of its own help."""

    section: str
    summary: str


# The summaries are repeated here so that `algo --help` imports no command; a test compares.
VERBS = {
    "init": Verb("Write", "Scaffold an algorithm from a template."),
    "import": Verb("Write", "Make a project of a model that exists already."),
    "exec": Verb("Write", "Run a command in the project's environment."),
    "lock": Verb("Write", "Pin every package with its hash in algo.lock."),
    "serve": Verb("Run", "Serve an algorithm and reload it on every edit."),
    "run": Verb("Run", "Call an algorithm once."),
    "test": Verb("Run", "Run the golden cases and the project's own tests."),
    "build": Verb("Ship", "Assemble the image and print its digest."),
    "publish": Verb("Ship", "Publish a tested, signed, immutable version."),
    "pull": Verb("Ship", "Fetch a version into the local store and verify it."),
    "yank": Verb("Ship", "Mark a version as not to be used any more."),
    "export": Verb("Ship", "Write a version with all that is attached to it into one file."),
    "verify": Verb("Trust", "Check signatures, digests and history of a version."),
    "inspect": Verb("Trust", "Show what a version holds."),
    "versions": Verb("Trust", "List the versions of a name."),
    "diff": Verb("Trust", "Show what differs between two versions, or the working tree."),
    "keys": Verb("Trust", "Create, show and trust signing keys."),
    "login": Verb("Machine", "Store credentials for a registry."),
    "tokens": Verb("Machine", "Create, list and revoke the tokens of a service."),
    "cache": Verb("Machine", "Show what algo keeps on this machine, and make room."),
    "doctor": Verb("Machine", "Check this machine and clean up what was left behind."),
    "completion": Verb("Machine", "Print the completion script of a shell."),
}


class LazyGroup(TyperGroup):
    """The root group: knows its verbs by name and imports one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return the verb, or None when there is none of this name."""
        if cmd_name not in VERBS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = load(cmd_name)
        return self.commands[cmd_name]

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse the command line, `--gpu` without a value among it."""
        from algo.commands.options import spell_out

        return super().parse_args(ctx, spell_out(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb; a name that is not one gets the nearest as a suggestion."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            also = f"; did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}{also}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs by section, from the table alone."""
        sections = dict.fromkeys(verb.section for verb in VERBS.values())
        for section in sections:
            rows = [(name, v.summary) for name, v in VERBS.items() if v.section == section]
            with formatter.section(section):
                formatter.write_dl([(name.ljust(11), summary) for name, summary in rows])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete verbs from the table, without importing them."""
        from typer._click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=verb.summary)
            for name, verb in VERBS.items()
            if name.startswith(incomplete)
        ]


def load(name: str) -> Any:
    """Import the verb `name` and return its command.

    A module of `algo.commands` holds `NAME_command`, or `app` when the verb has verbs
    of its own. One that Python has a word for is in `NAME_.py`.
    """
    file = f"{name}_" if keyword.iskeyword(name) else name
    module = importlib.import_module(f"algo.commands.{file}")
    app: typer.Typer | None = getattr(module, "app", None)
    if app is None:
        app = _typer()
        function: Callable[..., Any] = getattr(module, f"{name}_command")
        settings: dict[str, Any] = getattr(module, "CONTEXT", {})
        app.command(name, context_settings=_context(settings))(function)
    command = get_command(app)
    command.name = name
    return command


def build() -> Any:
    """Return the root command, ready to be called with `obj=Deps`."""
    app = _typer()
    app.callback(
        cls=LazyGroup,
        epilog=EPILOG,
        invoke_without_command=True,
        subcommand_metavar="VERB ...",
        context_settings=_context({}),
    )(_root)
    return get_command(app)


def teach_completion() -> None:
    """Register the shells: typer does it only for apps that install their own completion."""
    from typer._completion_classes import completion_init

    from algo.commands.shared.completing import complete_in_bash

    completion_init()
    complete_in_bash()


def _root(
    ctx: typer.Context,
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", is_eager=True
    ),
    runtimes: str = typer.Option(
        "",
        "--runtimes",
        metavar="DIR[:DIR]",
        help="Folders with further languages; also ALGO_RUNTIMES.",
    ),
) -> None:
    """Take a model from a folder to a signed, versioned, running service."""
    if version:
        typer.echo(f"algo {__version__}")
        raise typer.Exit
    deps: Any = ctx.obj
    if deps is not None:  # not while a shell completes
        deps.use_languages(runtimes)
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _typer() -> typer.Typer:
    # Plain help: it reads the same in a terminal, a pipe and the README, and rich stays unloaded.
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _context(settings: dict[str, Any]) -> dict[str, Any]:
    return {"help_option_names": ["-h", "--help"], "max_content_width": 96, **settings}
