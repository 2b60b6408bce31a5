"""Templates, each a folder with a `template.toml`: those that are shipped, and others.

Ours are `scaffolds/LANGUAGE/NAME`; those of a folder of languages are `LANGUAGE/scaffolds/NAME`.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from algo.scaffold.errors import TemplateBroken, TemplateUnknown
from algo.scaffold.wishes import meant, nearest
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEFAULT = "python/minimal"
COMMAND = "algo init OWNER/NAME"
FILE = "template.toml"
# Of the smallest terminal; one column is left free, as some wrap when it is used.
_COLUMNS = 79
_NARROWEST = 20
Ask = Callable[[str], str]


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str
    next: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()


class SourceFile(Value, frozen=True):
    """A file of a template: its path below the template with `/`, its bytes, may it run."""

    path: str
    content: bytes
    executable: bool = False


class Template(Value, frozen=True):
    """A template by name.

    Args:
        name: `LANGUAGE/NAME`.
        description: One line for the list.
        next: The commands to type in the new project's folder.
        reserved: Modules that its code imports.
        files: What it holds, sorted by path, `template.toml` left out.
    """

    name: str
    description: str
    next: tuple[str, ...]
    reserved: tuple[str, ...]
    files: tuple[SourceFile, ...]


def template_names(root: Path, more: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names of the templates below `root`, the default one first.

    `more` are folders of languages that bring templates of their own.
    """
    return tuple(sorted(_places(root, more), key=lambda name: (name != DEFAULT, name)))


def load_template(
    root: Path, name: str, more: Sequence[Path] = (), command: str = COMMAND
) -> Template:
    """Read the template `name` below `root`, or of one of the folders `more`.

    A language alone means its smallest template, and a template needs no language where only one
    has it. `command` is what to type again, without a template.

    Raises:
        TemplateUnknown: There is none of this name, or several; the nearest is told.
        TemplateBroken: Its `template.toml` is wrong, or is not there.
    """
    known = template_names(root, more)
    found = meant(name, known)
    if len(found) > 1:
        raise _unclear(name, found, command)
    if not found:
        if (path := _unfinished(more).get(name)) is not None:
            raise TemplateBroken(
                f"the template {name} has no {FILE}",
                hint=f"write one with a description into {path}, see runtimes/README.md",
            )
        text = f"there is no template {name!r}; there are: {', '.join(known)}"
        raise TemplateUnknown(text, hint=_hint(name, known, command))
    folder = _places(root, more)[found[0]]
    about = _about(folder / FILE, found[0])
    return Template(found[0], about.description, about.next, about.reserved, template_files(folder))


def choose_template(root: Path, ask: Ask, more: Sequence[Path] = (), command: str = COMMAND) -> str:
    """Show the templates by number, ask for one, return its name; the rest as in `load_template`.

    An empty answer takes the first, which is the default; a name is an answer too.

    Raises:
        TemplateUnknown: The answer is neither a number of the list nor a name; the nearest is told.
    """
    places = _places(root, more)
    known = template_names(root, more)
    width, digits = max(map(len, known)), len(str(len(known)))
    lines = []
    for number, name in enumerate(known, start=1):
        head = f"  {number:>{digits}}  {name.ljust(width)}  "
        about = _about(places[name] / FILE, name).description
        wrapped = textwrap.wrap(about, max(_COLUMNS - len(head), _NARROWEST)) or [""]
        lines.append(head + f"\n{' ' * len(head)}".join(wrapped))
    answer = ask("\n".join(["Template:", *lines, "Number [1]: "])).strip()
    if not answer:
        return known[0]
    if answer.isdecimal() and 1 <= int(answer) <= len(known):
        return known[int(answer) - 1]
    found = meant(answer, known)
    if len(found) > 1:
        raise _unclear(answer, found, command)
    if not found:
        text = f"{answer!r} is neither a number from 1 to {len(known)} nor a template"
        raise TemplateUnknown(text, hint=_hint(answer, known, command))
    return found[0]


def _hint(name: str, known: Sequence[str], command: str) -> str | None:
    near = nearest(name, known)
    return f"{command} --template {near}" if near else None


def _unclear(name: str, found: Sequence[str], command: str) -> TemplateUnknown:
    text = f"{name!r} is a template of several languages: {', '.join(found)}"
    return TemplateUnknown(text, hint=f"{command} --template {found[0]}")


def _places(root: Path, more: Sequence[Path]) -> dict[str, Path]:
    """Return the folder of each template by its name."""
    found = {f"{one.parent.parent.name}/{one.parent.name}": one for one in root.glob(f"*/*/{FILE}")}
    for folder in more:
        for one in folder.glob(f"*/scaffolds/*/{FILE}"):
            found[f"{one.parents[2].name}/{one.parent.name}"] = one
    return {name: path.parent for name, path in found.items()}


def _unfinished(more: Sequence[Path]) -> dict[str, Path]:
    """Return the folders beside the templates of `more` that lack their `template.toml`."""
    found = (one for folder in more for one in folder.glob("*/scaffolds/*/"))
    return {
        f"{one.parents[1].name}/{one.name}": one
        for one in found
        if one.is_dir() and not (one / FILE).is_file()
    }


def _about(path: Path, name: str) -> _About:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _About)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        hint = f"correct {path}"
        raise TemplateBroken(f"{FILE} of the template {name}: {error}", hint=hint) from error


def template_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the files of a template's folder, sorted by path, `template.toml` left out."""
    # pip byte-compiles the .py files among the data when it installs the wheel.
    paths = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    found = [
        SourceFile(
            path.relative_to(folder).as_posix(),
            path.read_bytes(),
            bool(path.stat().st_mode & 0o100),
        )
        for path in paths
        if path != folder / FILE
    ]
    return tuple(sorted(found, key=lambda file: file.path))
