"""A compiled annotation, and what compiles it."""

from __future__ import annotations

import json
import sys
import types
import typing
from dataclasses import dataclass, field
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]
Convert = typing.Callable[[Any], Any]

# What a decoded JSON value can be.
NUMBERS = frozenset({int, float})
EVERYTHING = frozenset({dict, list, str, int, float, bool, type(None)})


class BadAnnotation(TypeError):
    """An annotation says something that cannot be; its message is for the author."""


def unchanged(value: Any) -> Any:
    """Return `value`: the conversion of `Any`."""
    return value


@dataclass
class Kind:
    """What one annotation means.

    Args:
        convert: Takes a decoded value and returns what the annotation says; raises Bad.
        schema: Its JSON Schema; named types are references to the compiler's definitions.
        takes: The types of JSON values that may be converted at all.
        whole: Takes the bytes of a body or file and its content type; None where only JSON will do.
        accepts: The content types of such bodies, the usual one first.
        returns: The content types of a result of this kind.
        fields: Of a record, its fields.
        array: Of an array, its `Array`.
        marked: Whether what stands beside it in `Annotated` is its own to read.
    """

    convert: Convert = unchanged
    schema: Schema = field(default_factory=dict)
    takes: frozenset[type] = EVERYTHING
    whole: Callable[[bytes, str], Any] | None = None
    accepts: tuple[str, ...] = ()
    returns: tuple[str, ...] = ("application/json",)
    fields: dict[str, Kind] | None = None
    array: Any = None
    marked: bool = False

    @property
    def is_any(self) -> bool:
        """Whether it takes whatever comes as it comes."""
        return self.convert is unchanged


class Compiler:
    """Compiles annotations; `definitions` collects the schemas of named types.

    Args:
        output: Whether it is for results: a field with a default is always there then.
    """

    def __init__(self, *, output: bool = False) -> None:
        self.output = output
        self.definitions: dict[str, Schema] = {}
        self._named: dict[Any, Kind] = {}
        self._makers: list[Callable[[Compiler, Any, tuple[Any, ...]], Kind | None]] = makers()

    def kind(self, annotation: Any) -> Kind:
        """Compile one annotation; of a type that is not known comes a kind of any value.

        Raises:
            BadAnnotation: Its metadata cannot be meant so.
        """
        if type(annotation).__name__ == "TypeAliasType":
            return self._alias(annotation)
        annotation, metadata = unwrapped(annotation)
        for make in self._makers:
            found = make(self, annotation, metadata)
            if found is not None:
                return found
        return Kind()

    def named(self, key: Any, name: str, fill: Callable[[Kind], Schema]) -> Kind:
        """Return the kind of a named type: one, however often it is used, also by itself.

        Args:
            key: The type.
            name: Of its definition; another type of this name gets a number.
            fill: Sets the kind's conversion and returns the schema.
        """
        if key in self._named:
            return self._named[key]
        kind = self._named[key] = Kind(_pending)
        unique = self.reserve(name)
        kind.schema = {"$ref": f"#/$defs/{unique}"}
        self.definitions[unique] = fill(kind)
        return kind

    def _alias(self, alias: Any) -> Kind:
        """Compile what a name (`type X = …`) stands for, which may refer to the name."""
        if alias in self._named:
            return self._named[alias]
        kind = self._named[alias] = Kind(_pending)
        unique = self.reserve(alias.__name__)
        kind.schema = {"$ref": f"#/$defs/{unique}"}
        inner = self.kind(alias.__value__)
        self.definitions[unique] = inner.schema
        vars(kind).update({**vars(inner), "schema": kind.schema})
        return kind

    def reserve(self, name: str) -> str:
        """Return `name`, with a number where another type has it, and take it."""
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
        unique, number = plain, 1
        while unique in self.definitions:
            number += 1
            unique = f"{plain}{number}"
        self.definitions[unique] = {}
        return unique

    def document(self, kind: Kind) -> Schema:
        """Return the schema of `kind` with the definitions that it needs."""
        if not self.definitions:
            return kind.schema
        return {**kind.schema, "$defs": self.definitions}


def makers() -> list[Callable[[Compiler, Any, tuple[Any, ...]], Kind | None]]:
    """Return what knows some annotations each, in the order in which they are asked."""
    from algo_runner.typed import (
        arrays,
        constraints,
        containers,
        images,
        models,
        records,
        scalars,
        tables,
        unions,
    )

    rooms = (arrays, images, tables, models, unions, constraints, scalars, containers, records)
    return [room.make for room in rooms]


def _pending(value: Any) -> Any:
    raise NotImplementedError  # replaced before the first call


def unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the type below `Annotated`, aliases and marks, and the metadata on the way."""
    metadata: tuple[Any, ...] = ()
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            metadata = (*annotation.__metadata__, *metadata)
            annotation = annotation.__origin__
        elif origin in _MARKS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif type(origin).__name__ == "TypeAliasType":
            annotation = origin.__value__[typing.get_args(annotation)]
        else:
            return annotation, metadata


def hints_of(cls: type) -> dict[str, Any]:
    """Return the annotations of a class; one that cannot be evaluated says nothing (`Any`)."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # a name that only a type checker imports, or whatever an expression raises
        found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        names = vars(sys.modules.get(base.__module__, typing))
        for name, annotation in vars(base).get("__annotations__", {}).items():
            found[name] = evaluated(annotation, names)
    return found


def evaluated(annotation: Any, names: dict[str, Any], default: Any = Any) -> Any:
    """Return an annotation whose strings are evaluated with `names`, else `default`."""
    holder = types.SimpleNamespace(__annotations__={"one": annotation})
    try:
        return typing.get_type_hints(holder, globalns=names, include_extras=True)["one"]
    except Exception:  # whatever an expression of the author's raises
        return default


def default_of(value: Any) -> Schema:
    """Return the `default` of a schema; nothing where JSON has no such value."""
    from algo_runner.values import encode_json

    try:
        return {"default": json.loads(encode_json(value))}
    except Exception:  # an author's own class
        return {}


_MARKS = {typing.Required, typing.NotRequired, typing.Final, typing.ClassVar}
