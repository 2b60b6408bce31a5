"""JSON Schemas of a runner, made parts of an OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCAL = "#/$defs/"
_SHARED = "#/components/schemas/"


def hoisted(schema: Mapping[str, Any], components: dict[str, Any], side: str) -> dict[str, Any]:
    """Return `schema` with its definitions moved into `components`.

    Args:
        schema: A JSON Schema that may have `$defs`.
        components: Named schemas, added to; an equal one is shared.
        side: Put after the name of a definition where another one has taken it.
    """
    definitions = schema.get("$defs", {})
    names = {name: name for name in definitions}
    for name in definitions:
        taken = components.get(name)
        if taken is not None and taken != _renamed(definitions[name], names):
            names[name] = f"{name}{side}"
    for name, definition in definitions.items():
        components[names[name]] = _renamed(definition, names)
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    found: dict[str, Any] = _renamed(rest, names)
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _reference(item, names) if key == "$ref" else _renamed(item, names)
            for key, item in value.items()
        }
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value


def _reference(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_LOCAL):
        name = value.removeprefix(_LOCAL)
        return _SHARED + names.get(name, name)
    return value
