"""Values as the text that stands for them in TOML and in Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDTH = 100


def quoted(text: str) -> str:
    """Return `text` as a string literal, the same in TOML and in Python."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def named(text: str) -> str:
    """Return `text` as a string literal of Python, with the quotes that a formatter takes."""
    single = '"' in text and "'" not in text and "\\" not in text and text.isprintable()
    return f"'{text}'" if single else quoted(text)


def listed(texts: Iterable[str]) -> str:
    """Return `texts` as a list of strings, the same in TOML and in Python."""
    return f"[{', '.join(map(quoted, texts))}]"


def table(values: Mapping[str, str]) -> str:
    """Return the lines of a TOML table of strings."""
    return "\n".join(f"{_key(name)} = {quoted(value)}" for name, value in values.items())


def entries(values: Mapping[str, str], indent: int) -> str:
    """Return the lines of a Python dictionary, `values` being source, as a formatter has them."""
    return "\n".join(_entry(named(name), value, " " * indent) for name, value in values.items())


def mapping(values: Mapping[str, str]) -> str:
    """Return a Python dictionary, `values` being source, over as many lines as it has entries."""
    return f"{{\n{entries(values, 4)}\n}}" if values else "{}"


def annotated(kind: str, *marks: str) -> str:
    """Return a type with what `Annotated` adds to it."""
    return f"Annotated[{', '.join((kind, *marks))}]" if marks else kind


def shape(lengths: Sequence[int | str | None]) -> str:
    """Return a tuple of lengths, names of lengths and None."""
    parts = [named(one) if isinstance(one, str) else str(one) for one in lengths]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else quoted(name)


def _entry(name: str, value: str, margin: str) -> str:
    line = f"{margin}{name}: {value},"
    if len(line) <= _WIDTH or not value.endswith("]"):
        return line
    head, _, inner = value.removesuffix("]").partition("[")
    return f"{margin}{name}: {head}[\n{margin}    {inner}\n{margin}],"
