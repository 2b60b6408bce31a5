"""The only reader of YAML, which the extra `conda` brings."""

from __future__ import annotations

from typing import Any

from algo.values import Value


class Place(Value, frozen=True):
    """Where an item of a list lies in a text, by characters; `before` is what leads a line in."""

    start: int
    end: int
    before: str

    def item(self, text: str) -> str:
        """Return `text` as an item in its place."""
        return f"{self.before}{text}\n" if self.before else text


def load(text: str, where: str) -> Any:
    """Return what `text` holds, as plain values.

    Args:
        text: A YAML document.
        where: What to call it in an error.

    Raises:
        ValueError: It is no YAML; the message says where.
    """
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(f"{where}: {' '.join(str(error).split())}") from error


def places(text: str, key: str, name: str) -> list[Place]:
    """Return where the mappings that have the key `name` lie in the list under `key`."""
    import yaml

    found = []
    root = yaml.compose(text, yaml.SafeLoader)
    (items,) = [value for at, value in root.value if at.value == key]
    for item in items.value:
        if isinstance(item, yaml.MappingNode) and any(at.value == name for at, _ in item.value):
            begin, end = item.start_mark, item.end_mark
            if items.flow_style:
                found.append(Place(begin.index, end.index, ""))
                continue
            before = text[begin.index - begin.column : begin.index]
            last = end.index >= len(text)
            until = len(text) if last else end.index - end.column
            found.append(Place(begin.index - begin.column, until, before))
    return found
