"""Why requirements cannot be met: which line of which file wants what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.environments.errors import Unsatisfiable
from algo.environments.requirements import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.environments.requirements import Line, Source

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEPENDS = re.compile(r"(\S+) depends on (\S+)")
_NOISE = re.compile(r"^[^\w(]*(?:(?:error|cause): )?")
_ABSENT = re.compile(r"(\S+) was not found in the (?:package registry|provided package locations)")
# What follows from the facts, up to the end of its sentence; a version has dots, too.
_CONCLUSION = re.compile(r", we can conclude that .*?(?=\.\s|\.?$)")


def explained(error: Unsatisfiable, sources: Iterable[Source]) -> Unsatisfiable:
    """Return `error` with the lines that are to blame first, and a command for the first of them.

    Args:
        error: As uv's words gave it, in `details`.
        sources: The requirements.
    """
    reason = _reason(error.details)
    named = {_plain(name) for name in _NAME.findall(reason)}
    blamed = [line for source in sources for line in lines_of(source) if _wants(line) in named]
    absent = _ABSENT.search(reason)
    if absent:
        return _unknown(error, absent[1], blamed)
    if not blamed:
        return error
    facts = _CONCLUSION.sub("", reason)
    needs = _needs(facts)
    told = [_wish(line, needs) for line in blamed]
    message = f"{error.message}: {_summary(blamed)}" if len(blamed) > 1 else error.message
    rest = [] if len(blamed) > 1 and _is_told(facts, needs, blamed) else [reason]
    return Unsatisfiable(
        message,
        details="\n".join([*told, *rest]),
        hint=f"loosen {_place(blamed[-1])}, then: algo lock",
    )


def _unknown(error: Unsatisfiable, name: str, blamed: list[Line]) -> Unsatisfiable:
    """Return `error` for a package that no index has: loosening a version would not help."""
    line = next((line for line in blamed if _wants(line) == _plain(name)), None)
    told = [f"{_place(other)} wants {other.text}" for other in blamed]
    where, name_it = "", "name the index that has it (--extra-index-url URL)"
    hint = f"{name_it}, then: algo lock"
    if line is not None:
        where, told = f"{_place(line)}: ", []
        hint = f"correct the name in {_place(line)}, or {name_it}, then: algo lock"
    details = "\n".join([*told, _reason(error.details)])
    return Unsatisfiable(f"{where}no package index has {name}", details=details, hint=hint)


def _wish(line: Line, needs: dict[str, list[str]]) -> str:
    also = needs.get(_wants(line), [])
    return f"{_place(line)} wants {line.text}{', which needs ' if also else ''}{', '.join(also)}"


def _needs(facts: str) -> dict[str, list[str]]:
    """Return what each package depends on, as far as the explanation says it."""
    found: dict[str, list[str]] = {}
    for package, need in _DEPENDS.findall(facts):
        name = _NAME.match(package)
        if name:
            found.setdefault(_plain(name[0]), []).append(need.rstrip(",."))
    return found


def _is_told(facts: str, needs: dict[str, list[str]], blamed: list[Line]) -> bool:
    """Tell whether the lines of the files say all that the explanation does."""
    clauses = re.split(r"\b(?:And because|Because|and)\b", facts)
    known = {_wants(line) for line in blamed}
    plain = all(
        re.fullmatch(r"(?:you require \S+|\S+ depends on \S+)", clause.strip(" ,."))
        for clause in clauses
        if clause.strip(" ,.")
    )
    return plain and set(needs) <= known


def _place(line: Line) -> str:
    return f"{line.path.name}:{line.number}" if line.number else line.path.name


def _wants(line: Line) -> str:
    """Return the package that a line asks for, empty when it is an option."""
    found = _NAME.match(line.text)
    return _plain(found[0]) if found else ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).rstrip("-").lower()


def _summary(blamed: list[Line]) -> str:
    places = [_place(line) for line in blamed]
    return f"{', '.join(places[:-1])} and {places[-1]} contradict each other"


def _reason(said: str) -> str:
    """Return uv's explanation as one paragraph, without its decoration and its hints."""
    lines = [_NOISE.sub("", line.strip()) for line in said.splitlines()]
    found: list[str] = []
    for raw, line in zip(said.splitlines(), lines, strict=True):
        if raw.lstrip().startswith("hint:"):
            break
        if line and not line.startswith("No solution found"):
            found.append(_NOISE.sub("", line))
    return " ".join(found)
