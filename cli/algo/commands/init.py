"""`algo init`: a new algorithm from a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algo.commands.options import JsonOpt

if TYPE_CHECKING:
    from algo.deps import Deps


def init_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="What to call it.")],
    template: Annotated[
        str,
        typer.Option(
            "--template",
            "-t",
            metavar="LANGUAGE[/NAME]",
            help="As python/sklearn; sklearn or go is enough. Default: ask, or python/minimal.",
        ),
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="FOLDER", help="The project's folder. Default: ./NAME."),
    ] = None,
    json: JsonOpt = False,
) -> None:
    """Scaffold an algorithm from a template.

    Nothing is overwritten. The commands to type next are printed.

    \b
    algo init acme/hello
    algo init acme/digits --template python/sklearn
    algo init acme/greeter --template javascript
    algo init acme/digits --template python/sklearn --dir services/digits
    """
    from algo.project.manifest import check_name
    from algo.resources import data_folder
    from algo.scaffold.scaffold import again, scaffold
    from algo.scaffold.templates import DEFAULT, choose_template

    deps: Deps = ctx.obj
    check_name(name)
    root = data_folder("scaffolds")
    named = bool(ctx.find_root().params.get("runtimes"))
    if not template and deps.interactive and not deps.output.json:
        command = again(name, folder, deps.languages if named else ())
        template = choose_template(root, deps.output.ask, deps.languages, command)
    made = scaffold(name, template or DEFAULT, deps.cwd, root, folder, deps.languages, named=named)
    steps = "\n".join(f"  {command}" for command in made.next)
    human = f"Created {made.name} from {made.template}: {len(made.files)} files\nnext:\n{steps}"
    deps.output.result(made, human=human)
