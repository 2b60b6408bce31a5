"""The input of a call, from the ways in which a command line can give it."""

from __future__ import annotations

import json
import mimetypes
import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from algo.errors import FileProblem
from algo.serving.errors import InputInvalid
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Read = Callable[[str], bytes]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
# Where a file may be named, as for curl; a file of this name is ./-.
_STDIN = "-"
# What begins like this means JSON, and never text that somebody forgot to quote.
_STRUCTURES = frozenset({b"{", b"["})


class Body(Value, frozen=True):
    """Bytes to send, and what they are."""

    content: bytes
    content_type: str = JSON


class Given(Value, frozen=True):
    """What stood on the command line: exactly one of these is to be there.

    `data` is `-d`, `file` is `-D`, `pairs` are the `-i`, `stdin` is a lone `-`.
    """

    data: str | None = None
    file: str | None = None
    pairs: Sequence[str] = ()
    stdin: bool = False


def read_body(given: Given, cwd: Path, stdin: Callable[[], bytes]) -> Body:
    """Return the body of the call.

    Raises:
        InputInvalid: None or several ways were used, a file is missing, JSON is malformed.
    """
    ways = [given.data is not None, given.file is not None, bool(given.pairs), given.stdin]
    if sum(ways) > 1:
        raise InputInvalid("the input is given in several ways: use one of -d, -D, -i and -")

    def read(name: str) -> bytes:
        return stdin() if name == _STDIN else _read(cwd / name)

    if given.data is not None:
        return _data(given.data, read)
    if given.file is not None:
        return _file(given.file, read)
    if given.pairs:
        return Body(msgspec.json.encode(_fields(given.pairs, read)))
    if given.stdin:
        return _guess(stdin())
    raise InputInvalid(
        "there is no input", hint="give -d JSON, -D FILE, -i KEY=VALUE, or - for standard input"
    )


def _bytes(text: str, option: str) -> bytes:
    """Return what stood on the command line as the bytes that the shell gave us.

    Raises:
        InputInvalid: They are no UTF-8.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        what = f"{option} is not UTF-8 at character {error.start + 1}"
        raise InputInvalid(what, hint="put binary input in a file: -D FILE") from error


def _data(text: str, read: Read) -> Body:
    content = read(text[1:]) if text.startswith("@") else _bytes(text, "-d")
    where = _named(text[1:]) if text.startswith("@") else "-d"
    try:
        msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise InputInvalid(
            f"{where} is not JSON: {_reason(content, error)}", hint=_advice(text, content)
        ) from error
    return Body(content)


def _reason(content: bytes, error: msgspec.DecodeError) -> str:
    """Return why `content` is not JSON, with line and column where a parser tells them."""
    try:
        json.loads(content)
    except json.JSONDecodeError as told:
        return f"{told.msg} at line {told.lineno}, column {told.colno}"
    except (ValueError, RecursionError):
        pass
    return str(error)


def _advice(text: str, content: bytes) -> str:
    """Return what to do about `-d TEXT`, which gave `content`."""
    if content.lstrip()[:1] in _STRUCTURES:
        return "correct it there; keys and texts of JSON stand in double quotes: -d '{\"a\": 1}'"
    if text == _STDIN:
        return "for standard input: -d @-"
    if text == f"@{_STDIN}":
        return "send it as what it is: - in place of -d @-"
    if text.startswith("@"):
        return f"send the file as what it is: algo run -D {shlex.quote(text[1:])}"
    quoted = shlex.quote(json.dumps(text, ensure_ascii=False))
    return f"quote text as JSON: -d {quoted}"


def _file(name: str, read: Read) -> Body:
    content = read(name)
    kind, _ = mimetypes.guess_type(PurePath(name).name)
    if kind == JSON:
        return Body(content)
    if kind is None or kind.startswith("text/"):
        return _guess(content) if kind is None else Body(content, TEXT)
    return Body(content, kind)


def _guess(content: bytes) -> Body:
    try:
        msgspec.json.decode(content)
    except msgspec.DecodeError:
        pass
    else:
        return Body(content)
    try:
        content.decode()
    except UnicodeDecodeError:
        return Body(content, BINARY)
    return Body(content, TEXT)


def _fields(pairs: Sequence[str], read: Read) -> dict[str, Any]:
    """Return what the pairs say together: a key that comes twice has a list, as in a form."""
    if sum(pair.endswith(f"=@{_STDIN}") for pair in pairs) > 1:
        raise InputInvalid(
            "standard input can be read once", hint="give one field as @-, the others as @FILE"
        )
    found: dict[str, list[Any]] = {}
    for pair in pairs:
        key, value = _pair(pair, read)
        found.setdefault(key, []).append(value)
    return {key: values if len(values) > 1 else values[0] for key, values in found.items()}


def _pair(pair: str, read: Read) -> tuple[str, Any]:
    key, separator, value = pair.partition("=")
    if not separator or not key:
        raise InputInvalid(f"-i {pair} is not KEY=VALUE", hint="write it as -i key=value")
    content = read(value[1:]) if value.startswith("@") else _bytes(value, "-i")
    try:
        return key, msgspec.json.decode(content)
    except msgspec.DecodeError:
        pass
    try:
        return key, content.decode()
    except UnicodeDecodeError as error:
        raise InputInvalid(
            f"{_named(value[1:])} is binary, and JSON holds none", hint="send it alone with -D FILE"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}"
        raise InputInvalid(why, hint=_look(path, error)) from error


def _look(path: Path, error: OSError) -> str:
    """Return the command that shows why `path` cannot be read: what is there in its place."""
    if isinstance(error, FileNotFoundError):
        there = next((one for one in path.parents if one.is_dir()), path.parent)
        return f"ls {shlex.quote(str(there))}"
    return FileProblem.of(error).hint


def _named(name: str) -> str:
    return "standard input" if name == _STDIN else name
