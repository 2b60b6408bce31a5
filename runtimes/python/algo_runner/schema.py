"""JSON Schema of an annotated `apply`, in its first form: builtins, containers, dataclasses."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
}


def describe(apply: Callable[..., Any], *, batch: bool = False) -> dict[str, Any]:
    """Return `{"input": …, "output": …}`; a side without an annotation is absent.

    Of a function that takes batches it is what one call sends and gets.
    """
    try:
        hints = typing.get_type_hints(apply)
    except Exception:
        return {}
    parameters = list(inspect.signature(apply).parameters)
    found = {}
    if parameters and parameters[0] in hints:
        found["input"] = _schema(hints[parameters[0]])
    if "return" in hints:
        found["output"] = _schema(hints["return"])
    return {side: kind.get("items", {}) for side, kind in found.items()} if batch else found


def _schema(kind: Any) -> dict[str, Any]:
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _schema(arguments[0])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_schema(argument) for argument in arguments]}
    if origin in {list, set, frozenset, tuple} and arguments:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict and len(arguments) == 2:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if isinstance(kind, type):
        return _class(kind)
    return {}


def _class(kind: type) -> dict[str, Any]:
    if issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        return _object(hints, sorted(kind.__required_keys__))  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        required = [
            field.name
            for field in dataclasses.fields(kind)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        return _object(hints, required)
    return {}


def _object(hints: dict[str, Any], required: list[str]) -> dict[str, Any]:
    properties = {name: _schema(hint) for name, hint in hints.items()}
    return {"type": "object", "properties": properties, "required": required}
