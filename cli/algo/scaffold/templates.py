"""Templates, each a folder with a `template.toml`: those that are shipped, and others.

Ours are `scaffolds/LANGUAGE/NAME`; those of a folder of languages are `LANGUAGE/scaffolds/NAME`.
"""

from __future__ import annotations

import difflib
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from algo.scaffold.errors import TemplateBroken, TemplateUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEFAULT = "python/minimal"
_SMALLEST = "minimal"
FILE = "template.toml"
# Of the smallest terminal; one column is left free, as some wrap when it is used.
_COLUMNS = 79
_NARROWEST = 20
Ask = Callable[[str], str]


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str
    next: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a template: its path below the template with `/`, its bytes, may it run."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Template:
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


def load_template(root: Path, name: str, more: Sequence[Path] = ()) -> Template:
    """Read the template `name` below `root`, or of one of the folders `more`.

    A language alone means its smallest template.

    Raises:
        TemplateUnknown: There is none of this name; the nearest is named.
        TemplateBroken: Its `template.toml` is wrong, or is not there.
    """
    known = template_names(root, more)
    name = _whole(name, known)
    if name not in known:
        if (path := _unfinished(more).get(name)) is not None:
            raise TemplateBroken(
                f"the template {name} has no {FILE}",
                hint=f"write one with a description into {path}, see runtimes/README.md",
            )
        text = f"there is no template {name!r}; there are: {', '.join(known)}"
        raise TemplateUnknown(text, hint=_nearest(name, known))
    folder = _places(root, more)[name]
    about = _about(folder / FILE, name)
    return Template(name, about.description, about.next, about.reserved, template_files(folder))


def choose_template(root: Path, ask: Ask, more: Sequence[Path] = ()) -> str:
    """Show the templates by number, ask for one, return its name; `more` as in `template_names`.

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
    if _whole(answer, known) in known:
        return _whole(answer, known)
    if answer.isdecimal() and 1 <= int(answer) <= len(known):
        return known[int(answer) - 1]
    text = f"{answer!r} is neither a number from 1 to {len(known)} nor a template"
    raise TemplateUnknown(text, hint=_nearest(answer, known))


def _nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the hint to take the template most like `name`, None where none is like it."""
    languages = sorted({one.partition("/")[0] for one in known})
    language = difflib.get_close_matches(name.partition("/")[0], languages, n=1)
    same = [one for one in known if [one.partition("/")[0]] == language]
    whole = [one for one in same if one == _whole(language[0], known)]
    near = difflib.get_close_matches(name, same or known, n=1) or whole or same
    return f"algo init OWNER/NAME --template {near[0]}" if near else None


def _whole(name: str, known: Sequence[str]) -> str:
    """Return the template that a language alone means, every other name as it is."""
    smallest = f"{name}/{_SMALLEST}"
    return smallest if smallest in known else name


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
