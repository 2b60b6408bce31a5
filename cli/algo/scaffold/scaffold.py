"""The use case: a new project from a template."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from algo.languages.runtimes import Runtimes
from algo.resources import data_folder
from algo.scaffold.names import variables
from algo.scaffold.plan import plan, render
from algo.scaffold.templates import load_template
from algo.scaffold.write import write
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.scaffold.names import Variables
    from algo.scaffold.templates import Template


class Scaffolded(Value, frozen=True):
    """A project that was just written.

    Args:
        name: `owner/name`.
        template: The template it was made from.
        folder: The project's folder.
        files: What was written, relative to the folder, sorted.
        next: The commands to type now, from the folder where `algo init` ran.
    """

    name: str
    template: str
    folder: Path
    files: tuple[str, ...]
    next: tuple[str, ...]


def scaffold(
    name: str,
    template: str,
    cwd: Path,
    root: Path,
    folder: Path | None = None,
    more: Sequence[Path] = (),
    *,
    named: bool = False,
) -> Scaffolded:
    """Write the project `name` (`owner/name`) from `template`.

    Args:
        name: The algorithm's name.
        template: `LANGUAGE/NAME`, below `root`.
        cwd: The current folder.
        root: The folder of the templates.
        folder: The project's folder, relative to `cwd`; by default the name without its owner.
        more: Folders of languages that bring templates of their own.
        named: Whether a command finds these only by `--runtimes`, and not by the environment.

    Raises:
        BadName: The name breaks the rules of OCI repositories.
        TemplateUnknown: There is no such template.
        RuntimeInvalid: The `runtime.toml` of its language cannot be read.
        WouldOverwrite: A file is already there; nothing was written.
        ScaffoldUnwritable: The folder or the disk refuses.
    """
    algo = command(more if named else ())
    chosen = load_template(root, template, more, again(name, folder, more if named else ()))
    words = _words(name, chosen, Runtimes(data_folder("runtimes"), tuple(more)))
    files = plan(chosen.files, words)
    target = cwd / (folder if folder is not None else words.name)
    write(files, target)
    commands = [render(command, words, "template.toml") for command in chosen.next]
    if named and any((one / chosen.name.partition("/")[0]).is_dir() for one in more):
        commands = [re.sub(r"^algo\b", lambda _: algo, c) for c in commands]
    if target.resolve() != cwd.resolve():
        commands.insert(0, f"cd {shlex.quote(_shown(target, cwd))}")
    return Scaffolded(
        name, chosen.name, target, tuple(file.path for file in files), tuple(commands)
    )


def command(named: Sequence[Path]) -> str:
    """Return how `algo` is called to find languages in the folders `named`."""
    return f"algo --runtimes {shlex.quote(os.pathsep.join(map(str, named)))}" if named else "algo"


def again(name: str, folder: Path | None, named: Sequence[Path]) -> str:
    """Return the command that scaffolds `name`, without its template."""
    place = f" --dir {shlex.quote(str(folder))}" if folder is not None else ""
    return f"{command(named)} init {name}{place}"


def _words(name: str, chosen: Template, runtimes: Runtimes) -> Variables:
    """Return what the template may name; a folder of languages may have templates alone."""
    language = chosen.name.partition("/")[0]
    if language not in runtimes.known:
        return variables(name, chosen.reserved)
    spec = runtimes.spec(language)
    return variables(name, {*chosen.reserved, *spec.reserved}, endings=spec.reserved_endings)


def _shown(target: Path, cwd: Path) -> str:
    return str(target.relative_to(cwd)) if target.is_relative_to(cwd) else str(target)
