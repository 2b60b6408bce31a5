"""`algo completion`: the completion script of a shell."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from algo.deps import Deps


class Shell(StrEnum):
    """The shells that are completed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion_command(
    ctx: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")],
) -> None:
    """Print the completion script of a shell.

    \b
    algo completion bash > ~/.local/share/bash-completion/completions/algo
    algo completion zsh > "${fpath[1]}/_algo"
    algo completion fish > ~/.config/fish/completions/algo.fish
    """
    from typer._completion_shared import get_completion_script

    deps: Deps = ctx.obj
    script = get_completion_script(prog_name="algo", complete_var="_ALGO_COMPLETE", shell=shell)
    deps.output.result({"shell": shell, "script": script}, human=script)
