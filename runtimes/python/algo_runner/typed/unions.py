"""Unions: the member that the value's own type points to."""

from __future__ import annotations

import types
import typing
from typing import Any

from algo_runner.typed.kinds import EVERYTHING, Compiler, Kind
from algo_runner.typed.parts import again
from algo_runner.typed.problems import Bad, expected

_WORDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}

_TYPES = {int: "integer", float: "number"}


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of a union."""
    if typing.get_origin(annotation) not in {typing.Union, types.UnionType}:
        return None
    annotations = typing.get_args(annotation)
    members = [compiler.kind(member) for member in annotations]
    if metadata:
        marked = [at for at, member in enumerate(members) if member.marked]
        if not marked:
            return None  # the constraints' turn, which asks again without
        for at in marked:  # a shape or columns: what only these members understand
            members[at] = compiler.kind(typing.Annotated[(annotations[at], *metadata)])
    by_type: dict[type, list[Kind]] = {}

    def convert(value: Any) -> Any:
        candidates = by_type.get(type(value))
        if candidates is None:
            candidates = members  # of a file or a field
            if type(value) in EVERYTHING:
                # Late: a member that refers to this union is compiled after it.
                candidates = by_type[type(value)] = _candidates(type(value), members)
        best: Bad | None = None
        for member in candidates:
            try:
                return member.convert(value)
            except Bad as bad:
                best = _better(best, bad)
        if type(value) not in EVERYTHING:
            return again(convert, value, best or expected(_what(members), value))
        raise best or expected(_what(members), value)

    whole = next((member.whole for member in members if member.whole is not None), None)
    return Kind(
        convert,
        {"anyOf": _distinct([member.schema for member in members])},
        frozenset().union(*(member.takes for member in members)),
        whole=whole,
        accepts=_merged(member.accepts for member in members),
        returns=_merged(member.returns for member in members),
    )


def _what(members: list[Kind]) -> str:
    taken = frozenset().union(*(member.takes for member in members))
    return " or ".join(dict.fromkeys(word for kind, word in _WORDS.items() if kind in taken))


def _candidates(kind: type, members: list[Kind]) -> list[Kind]:
    """Return the members that take a value of the type `kind`, the nearest ones first."""
    found = [member for member in members if kind in member.takes]
    # 3 is an integer before it is a number, whatever comes first in the union.
    return sorted(found, key=lambda member: member.schema.get("type") != _TYPES.get(kind))


def _better(one: Bad | None, other: Bad) -> Bad:
    """Return the fault that says more: of the member that the value nearly is."""
    if one is None:
        return other
    return min(one, other, key=lambda bad: (_misses(bad), len(bad.problems)))


def _misses(bad: Bad) -> bool:
    # A wrong tag, or another kind of value altogether: this member was not meant.
    return not bad.final and any(
        not path or text.startswith('expected string "') for path, text in bad.problems
    )


def _distinct(schemas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return found


def _merged(several: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in several for name in names))
