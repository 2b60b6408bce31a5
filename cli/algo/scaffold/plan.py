"""From a template and its variables to the files of a project; nothing is read or written."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from algo.scaffold.errors import TemplateBroken
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.scaffold.names import Variables
    from algo.scaffold.templates import SourceFile

SUFFIX = ".tmpl"
_DOT = "dot_"
_VARIABLE = re.compile(r"\{\{ *([^{}]*?) *\}\}")


class PlannedFile(Value, frozen=True, order=True):
    """A file to write: its path below the project with `/`, its bytes, may it run."""

    path: str
    content: bytes
    executable: bool = False


def plan(files: Iterable[SourceFile], variables: Variables) -> tuple[PlannedFile, ...]:
    """Return the files of the project, sorted by path.

    In every path `{{module}}` and its like are replaced and a leading `dot_` of a part
    becomes a dot. The content is rendered when the file ends in `.tmpl`, which is dropped;
    any other file is taken as it is.

    Raises:
        TemplateBroken: A variable is unknown, a path leaves the project, or two files
            come to the same path.
    """
    planned = sorted(_planned(file, variables) for file in files)
    for before, after in pairwise(planned):
        if before.path == after.path:
            raise TemplateBroken(f"two files of the template are rendered to {after.path}")
    return tuple(planned)


def render(text: str, variables: Variables, where: str) -> str:
    """Replace each `{{ variable }}` in `text`; `where` names the text in an error.

    Raises:
        TemplateBroken: A variable is unknown.
    """

    def value(match: re.Match[str]) -> str:
        found = variables.value(match[1])
        if found is None:
            line = text.count("\n", 0, match.start()) + 1
            raise TemplateBroken(f"{where}:{line} names an unknown variable {match[1]!r}")
        return found

    return _VARIABLE.sub(value, text)


def _planned(file: SourceFile, variables: Variables) -> PlannedFile:
    parts = [_dotted(part) for part in render(file.path, variables, file.path).split("/")]
    if any(part in {"", ".", ".."} for part in parts):
        raise TemplateBroken(f"{file.path} would be written outside the project")
    path = "/".join(parts)
    if not path.endswith(SUFFIX):
        return PlannedFile(path, file.content, file.executable)
    content = render(file.content.decode("utf-8"), variables, file.path)
    return PlannedFile(path.removesuffix(SUFFIX), content.encode(), file.executable)


def _dotted(part: str) -> str:
    return f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part
