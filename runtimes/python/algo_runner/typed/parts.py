"""Values that came in parts: the fields and files of a form, files that a URL named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from algo_runner.typed.problems import Bad
from algo_runner.values import BINARY, BadInput, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_DEPTH = 100


class File(bytes):
    """The content of a file, with the name and the content type that its sender gave it."""

    filename: str = ""
    content_type: str = BINARY


class Field(str):
    """The text of a form's field: `3` may be meant as a number."""

    __slots__ = ()


def read_parts(body: bytes, *, natural: bool) -> Any:
    """Return the value that is made of the parts of `body` (runtimes/README.md, Parts).

    Args:
        body: The length of a list, the list in JSON, and the content of each part.
        natural: Decode files by their content types, as whole bodies are; else they are `File`s
            and texts are `Field`s, for their annotations to read.

    Raises:
        BadInput: It is no such body.
    """
    view = memoryview(body)
    length = int.from_bytes(view[:4], "little")
    at = 4 + length
    root: list[Any] = []
    try:
        told = json.loads(bytes(view[4:at]))
        if not isinstance(told, list):
            raise ValueError("there is no list of them")
        for part in told:
            end = at + part["length"]
            if end > len(body):
                raise ValueError("the body ends within a part")
            content = _natural(view[at:end], part) if natural else _lazy(view[at:end], part)
            _put(root, [0, *part["path"]], content)
            at = end
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        what = f"the parts of the body are malformed: {error}"
        raise BadInput("malformed_parts", what) from error
    return root[0] if root else {}


def again(convert: Callable[[Any], Any], value: Any, bad: Bad) -> Any:
    """Convert a `value` that was not what was expected, read as what else it may be.

    Raises:
        Bad: It is nothing else.
    """
    for other in _readings(value):
        try:
            return convert(other)
        except Bad as error:
            deeper = not bad.final or any(path for path, _ in error.problems)
            bad = error if isinstance(value, File) and deeper else bad
    raise bad


def _readings(value: Any) -> Iterator[Any]:
    if isinstance(value, File):
        if value.content_type.startswith("text/") or not value.content_type.startswith("image/"):
            try:
                text = Field(value.decode())
            except UnicodeDecodeError:
                return
            yield str(text)
            yield from _readings(text)
    elif isinstance(value, Field):
        try:
            yield decode(value.encode(), "application/json")
        except BadInput:
            return


def _natural(content: memoryview, part: dict[str, Any]) -> Any:
    return decode(bytes(content), part["content_type"])


def _lazy(content: memoryview, part: dict[str, Any]) -> Any:
    kind = str(part["content_type"])
    if kind.startswith("text/") and not part.get("filename"):
        return Field(decode(bytes(content), kind))
    if kind == "application/json" and not part.get("filename"):
        try:
            return decode(bytes(content), kind)
        except BadInput:  # a client that says so of a field whose string it did not quote
            return decode(bytes(content), "text/plain")
    file = File(content)
    file.filename, file.content_type = str(part.get("filename") or ""), kind
    return file


def _put(root: list[Any], path: list[str | int], content: Any) -> None:
    if len(path) > MOST_DEPTH:
        raise ValueError("a path is too long")
    holder: Any = root
    for key, following in zip(path, [*path[1:], None], strict=True):
        if isinstance(holder, list):
            if not isinstance(key, int) or not 0 <= key <= len(holder):
                raise ValueError(f"{key!r} is no next index")
            if key == len(holder):
                holder.append(None)
            found = holder[key]
        elif isinstance(holder, dict) and isinstance(key, str):
            found = holder.get(key)
        else:
            raise ValueError(f"nothing can be put at {key!r}")
        if following is None:
            found = content
        elif not isinstance(found, dict | list):
            found = {} if isinstance(following, str) else []
        holder[key] = found
        holder = found
