"""Where a value names files by URL: `{"$url": "https://…"}`, or a string in a file's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from algo_gateway.files.parts import Path

KEY = "$url"
_BEGINS = ("https://", "http://")
Json = dict[str, Any]


def urls(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the path and the URL of each file that `value` names.

    Args:
        value: Decoded JSON.
        schema: The JSON Schema of the input, empty where nothing is known: a string is a URL
            only where it says that a file is wanted.
    """
    yield from _walk(value, [schema], schema, ())


def _walk(
    value: Any, schemas: list[Mapping[str, Any]], root: Mapping[str, Any], path: Path
) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(url := value.get(KEY), str):
            yield path, url
            return
        known = _resolved(schemas, root)
        for key, item in value.items():
            yield from _walk(item, _of_key(known, key), root, (*path, key))
    elif isinstance(value, list):
        known = _resolved(schemas, root)
        for at, item in enumerate(value):
            yield from _walk(item, _of_index(known, at), root, (*path, at))
    elif isinstance(value, str) and value.startswith(_BEGINS) and _is_file(schemas, root):
        yield path, value


def replaced(value: Any, path: Path) -> Any:
    """Put null at `path`: the file comes there. Return the whole value."""
    if not path:
        return None
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = None
    return value


def _is_file(schemas: list[Mapping[str, Any]], root: Mapping[str, Any]) -> bool:
    return any(one.get("contentEncoding") == "base64" for one in _resolved(schemas, root))


def _resolved(schemas: list[Mapping[str, Any]], root: Mapping[str, Any]) -> list[Json]:
    """Return what the schemas come down to: references followed, alternatives side by side."""
    found: list[Json] = []
    waiting, seen = list(schemas), set[str]()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict):
            continue
        found.append(schema)
        waiting += schema.get("anyOf", ())
        reference = schema.get("$ref", "")
        if reference.startswith("#/$defs/") and reference not in seen:
            seen.add(reference)
            waiting.append(root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {}))
    return found


def _of_key(schemas: list[Json], key: str) -> list[Mapping[str, Any]]:
    return [
        inner
        for schema in schemas
        if (inner := schema.get("properties", {}).get(key, schema.get("additionalProperties")))
    ]


def _of_index(schemas: list[Json], at: int) -> list[Mapping[str, Any]]:
    found = []
    for schema in schemas:
        first = schema.get("prefixItems", [])
        inner = first[at] if at < len(first) else schema.get("items")
        if inner:
            found.append(inner)
    return found
