"""The annotations of `apply`, compiled: how bodies are read, and what is told of it."""

from __future__ import annotations

import inspect
import json
import sys
import typing
from dataclasses import dataclass, field
from typing import Any

from algo_runner.values import decode

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from algo_runner.typed.kinds import Kind
    from algo_runner.typed.stacking import Stack

# Of a `ready` frame, whose header has at most 1 MiB.
MOST = 600_000
_TOLD = ("description", "examples", "title", "default")
_STREAMS = {"Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator"}


@dataclass(frozen=True)
class Signature:
    """What the annotations say.

    Args:
        read: Takes a body and its content type and returns the input.
        schema: `input`, `output`, `accepts`, `returns`, `files` and `streams` of `ready`
            (runtimes/README.md); what no annotation tells is absent.
        stack: How a batch becomes arrays, where it does.
    """

    read: Callable[[bytes, str], Any] = decode
    schema: dict[str, Any] = field(default_factory=dict)
    stack: Stack | None = None


def signature(apply: Callable[..., Any], *, batch: bool) -> Signature:
    """Compile the annotations of `apply`.

    Args:
        apply: The author's function.
        batch: Whether it takes many inputs at once; the schema is that of one call then.

    Raises:
        BadAnnotation: An annotation says what cannot be.
    """
    empty = inspect.Parameter.empty
    given, returned = _hints(apply)
    if given is empty and returned is empty:
        return Signature()
    _import_rooms()
    from algo_runner.typed.kinds import Compiler
    from algo_runner.typed.reading import reader
    from algo_runner.typed.stacking import per_call

    schema: dict[str, Any] = {}
    read: Callable[[bytes, str], Any] = decode
    stack = None
    if given is not empty:
        compiler = Compiler()
        kind, stack = per_call(compiler, given) if batch else (compiler.kind(given), None)
        schema |= {"input": compiler.document(kind), **_taken(kind)}
        if not kind.is_any:
            read = reader(kind)
    if returned is not empty:
        compiler = Compiler(output=True)
        piece = None if batch else _streamed(apply, returned)
        if piece is not None:
            schema |= {"output": compiler.document(compiler.kind(piece)), "streams": True}
        else:
            kind = per_call(compiler, returned)[0] if batch else compiler.kind(returned)
            schema |= {"output": compiler.document(kind)}
            if not kind.is_any:
                schema["returns"] = list(kind.returns)
    return Signature(read, fitted(schema), stack)


def _import_rooms() -> None:
    """Import what compiles annotations, and let Python keep it compiled.

    A runner writes no bytecode, for the author's folder is not its own; ours is.
    """
    forbidden, sys.dont_write_bytecode = sys.dont_write_bytecode, sys.flags.dont_write_bytecode > 0
    try:
        from algo_runner.typed import kinds, reading, stacking  # noqa: F401

        kinds.makers()
    finally:
        sys.dont_write_bytecode = forbidden


def fitted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `schema`, with less in it where it would be too large for a frame's header."""
    if len(json.dumps(schema)) <= MOST:
        return schema
    less = {key: _stripped(value) for key, value in schema.items()}
    if len(json.dumps(less)) <= MOST:
        return less
    return {key: {} if key in {"input", "output"} else value for key, value in schema.items()}


def _taken(kind: Kind) -> dict[str, Any]:
    if kind.is_any:
        return {}
    accepts = ["application/json", *kind.accepts]
    files = [name for name, one in (kind.fields or {}).items() if name and one.whole is not None]
    if not files:
        return {"accepts": accepts}
    return {"accepts": [*accepts, "multipart/form-data"], "files": files}


def _hints(apply: Any) -> tuple[Any, Any]:
    """Return the annotations of the first argument and of the result, `empty` for none.

    One that cannot be evaluated, as a name that only a type checker imports, counts as none.
    """
    empty = inspect.Parameter.empty
    function = inspect.unwrap(apply if inspect.isroutine(apply) else type(apply).__call__)
    try:
        names = list(inspect.signature(apply).parameters)
        annotations = dict(getattr(function, "__annotations__", {}))
    except (TypeError, ValueError, NameError):
        return empty, empty
    first = annotations.get(names[0], empty) if names else empty
    return _evaluated(function, first), _evaluated(function, annotations.get("return", empty))


def _evaluated(function: Any, annotation: Any) -> Any:
    empty = inspect.Parameter.empty
    if annotation is empty:
        return empty
    from algo_runner.typed.kinds import evaluated

    return evaluated(annotation, getattr(function, "__globals__", {}), empty)


def _streamed(apply: Any, annotation: Any) -> Any:
    """Return the annotation of a piece where the result is a stream of them."""
    from algo_runner.typed.kinds import unwrapped

    bare, _ = unwrapped(annotation)
    origin = typing.get_origin(bare) or bare
    name = getattr(origin, "__name__", "")
    generates = inspect.isgeneratorfunction(apply) or inspect.isasyncgenfunction(apply)
    if not generates and name not in _STREAMS - {"Iterable", "AsyncIterable"}:
        return None
    return (typing.get_args(bare) or (Any,))[0] if name in _STREAMS else Any


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key == "properties" and isinstance(item, dict):
            found[key] = {name: _stripped(one) for name, one in item.items()}
        elif key not in _TOLD:
            found[key] = _stripped(item)
    return found
