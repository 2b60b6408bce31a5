"""`algo import`: a project of a model that exists already."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from algo.commands import kinds

_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 96}


class Kinds(TyperGroup):
    """The group: each module of `algo.commands.kinds` is a command, `import_command` in it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the modules."""
        return sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return the command, or None when there is none of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name not in self.commands:
            module = importlib.import_module(f"{kinds.__name__}.{cmd_name}")
            one = typer.Typer(add_completion=False, rich_markup_mode=None)
            one.command(cmd_name, context_settings=_SETTINGS)(module.import_command)
            command = get_command(one)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands[cmd_name]


app = typer.Typer(
    cls=Kinds,
    help="""Make a project of a model that exists already.

    \b
    algo import onnx iris.onnx
    algo import onnx iris.onnx services/iris --name acme/iris
    algo import sklearn churn.joblib
    algo import mlflow mlruns/1/models/m-4fb1/artifacts
    algo import cog ../whisper
    algo import algorithmia                     writes algo.toml beside algorithmia.conf
    algo import version digits-1.0.0.tar        takes in what algo export wrote
    """,
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings=_SETTINGS,
)


@app.callback()
def import_group(ctx: typer.Context) -> None:
    """Make a project of a model that exists already."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
