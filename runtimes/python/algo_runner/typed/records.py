"""Dataclasses, TypedDicts and NamedTuples."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from algo_runner.typed.containers import fixed
from algo_runner.typed.kinds import BadAnnotation, Compiler, Kind, Schema, default_of, hints_of
from algo_runner.typed.parts import again
from algo_runner.typed.problems import MOST, Bad, Problem, expected

_OBJECTS = frozenset({dict})


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of a class that is nothing but its fields."""
    kind = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    if dataclasses.is_dataclass(kind):
        return compiler.named(annotation, kind.__name__, lambda k: _dataclass(compiler, kind, k))
    if typing.is_typeddict(kind):
        return compiler.named(annotation, kind.__name__, lambda k: _typed_dict(compiler, kind, k))
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return compiler.named(annotation, kind.__name__, lambda k: _named_tuple(compiler, kind, k))
    return None


@dataclasses.dataclass
class Member:
    """A field of a record: `schema` is its kind's, with a default."""

    name: str
    kind: Kind
    required: bool
    schema: Schema


def _field(compiler: Compiler, cls: type, name: str, hints: dict[str, Any]) -> Kind:
    try:
        return compiler.kind(hints.get(name, Any))
    except BadAnnotation as error:
        raise BadAnnotation(f"{cls.__name__}.{name}: {error}") from None


def _dataclass(compiler: Compiler, cls: type, kind: Kind) -> Schema:
    hints = hints_of(cls)
    fields: list[Member] = []
    for one in dataclasses.fields(cls):
        if not one.init and not compiler.output:
            continue
        found = _field(compiler, cls, one.name, hints)
        extra = {}
        if one.default is not dataclasses.MISSING:
            extra = default_of(one.default)
        elif one.default_factory is not dataclasses.MISSING:
            extra = default_of(one.default_factory())
        optional = bool(extra) or one.default_factory is not dataclasses.MISSING
        optional = optional or one.default is not dataclasses.MISSING
        if isinstance(about := one.metadata.get("description"), str):
            extra["description"] = about
        fields.append(Member(one.name, found, not optional, found.schema | extra))
    generated = f"{cls.__name__}("  # what the decorator writes where there is no docstring
    about = "" if (cls.__doc__ or "").startswith(generated) else cls.__doc__
    return record(kind, fields, cls, about, compiler)


def _typed_dict(compiler: Compiler, cls: Any, kind: Kind) -> Schema:
    hints = hints_of(cls)
    fields = []
    for name, hint in hints.items():
        found = _field(compiler, cls, name, hints)
        # The class knows its keys, unless its annotations are strings (PEP 563).
        mark = typing.get_origin(hint)
        required = name in cls.__required_keys__ and mark is not typing.NotRequired
        fields.append(Member(name, found, required or mark is typing.Required, found.schema))
    return record(kind, fields, None, cls.__doc__, compiler, always=False)


def _named_tuple(compiler: Compiler, cls: Any, kind: Kind) -> Schema:
    hints = hints_of(cls)
    kinds = [_field(compiler, cls, name, hints) for name in cls._fields]
    required = len(kinds) - (0 if compiler.output else len(cls._field_defaults))
    made = fixed(kinds, lambda values: _built(lambda: cls(*values)), required)
    kind.convert, kind.takes = made.convert, made.takes
    schema = {"title": cls.__name__, **made.schema}
    if kinds:
        named = zip(cls._fields, schema["prefixItems"], strict=True)
        schema["prefixItems"] = [{"title": name, **one} for name, one in named]
    return schema


def record(
    kind: Kind,
    fields: list[Member],
    build: Any,
    about: str | None,
    compiler: Compiler,
    *,
    always: bool = True,
) -> Schema:
    """Fill `kind`; return its definition.

    Args:
        kind: What is filled.
        fields: Its fields.
        build: Called with the converted fields; None for a dictionary of them.
        about: A docstring.
        compiler: Whose definition it is.
        always: Whether a result has every field, those with a default, too.
    """
    kind.takes = _OBJECTS
    kind.fields = {one.name: one.kind for one in fields}
    kind.convert = _converter(fields, build)
    required = [one.name for one in fields if one.required or (compiler.output and always)]
    schema: Schema = {"type": "object", "properties": {one.name: one.schema for one in fields}}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    if about:
        schema["description"] = inspect.cleandoc(about)
    return schema


def _converter(fields: list[Member], build: Any) -> Any:
    known = {one.name: one for one in fields}

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise expected("an object", value)
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, one in known.items():
            if name not in value:
                if one.required:
                    problems.append(((name,), "is missing"))
                continue
            item = value[name]
            try:
                found[name] = one.kind.convert(item)
            except Bad as bad:
                try:
                    found[name] = again(one.kind.convert, item, bad)
                except Bad as last:
                    problems += last.under(name)
                    if len(problems) >= MOST:
                        break
        if problems or len(found) != len(value):
            problems += _unknown(value, known)
            raise Bad(problems)
        return found if build is None else _built(lambda: build(**found))

    return convert


def _unknown(value: dict[str, Any], known: dict[str, Member]) -> list[Problem]:
    import difflib

    problems: list[Problem] = []
    for name in value:
        if name not in known:
            near = difflib.get_close_matches(name[:100], known, n=1)
            text = f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}"
            problems.append(((name,), f"there is no such field; {text}"))
            if len(problems) >= MOST:
                break
    return problems


def _built(build: Any) -> Any:
    """Call the author's class; what it refuses (`__post_init__`) is the caller's fault."""
    try:
        return build()
    except (ValueError, AssertionError) as error:
        if any(kind.__name__ == "AlgorithmError" for kind in type(error).__mro__):
            raise
        raise Bad(str(error) or "the value is refused") from error
