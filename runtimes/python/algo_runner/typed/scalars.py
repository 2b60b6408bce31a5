"""Builtins, dates and times, UUID, Decimal, bytes, Literal and Enum."""

from __future__ import annotations

import base64
import binascii
import datetime
import enum
import re
import sys
import typing
from typing import Any

from algo_runner.typed.kinds import NUMBERS, Compiler, Kind, Schema
from algo_runner.typed.parts import File
from algo_runner.typed.problems import NO_URLS, Bad, expected, shown
from algo_runner.values import BINARY

_STRINGS = frozenset({str})
BASE64 = r"^(data:[^,]*;base64,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_MOST_SECONDS = 86_399_999_913_600  # Python's own longest
_DURATION = re.compile(
    r"([+-])?P(?=[0-9T])(?:([0-9]{1,8})W)?(?:([0-9]{1,8})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,10})M)?(?:([0-9]{1,12}(?:\.[0-9]+)?)S)?)?"
)


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of a scalar."""
    if annotation is Any or annotation is object:
        return Kind()
    if isinstance(annotation, type) and annotation in _KINDS:
        return _KINDS[annotation](compiler)
    for (module, name), kind in _ELSEWHERE.items():
        if annotation is getattr(sys.modules.get(module), name, module):
            return kind(compiler)
    if annotation is None:
        return _KINDS[type(None)](compiler)
    if typing.get_origin(annotation) is typing.Literal:
        return _choice([(value, value) for value in typing.get_args(annotation)])
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return compiler.named(annotation, annotation.__name__, lambda kind: _enum(annotation, kind))
    return None


def _null(value: Any) -> None:
    if value is not None:
        raise expected("null", value)


def boolean(value: Any) -> bool:
    """Return true or false, and nothing that may stand for them."""
    if value is True or value is False:
        return value
    raise expected("true or false", value)


def integer(value: Any) -> int:
    """Return an integer; 3.0 is one, as in JSON Schema."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise expected("an integer", value)


def number(value: Any) -> float:
    """Return a float."""
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise Bad("the number is too large") from None
    raise expected("a number", value)


def text(value: Any) -> str:
    """Return a string."""
    if isinstance(value, str):
        return value
    raise expected("a string", value)


def binary(value: Any) -> bytes:
    """Return the bytes of a file, or those that a string has in base64 or as a data URL."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        if value.startswith(("https://", "http://")):
            raise Bad(NO_URLS)
        found = _DATA_URL.match(value)
        plain = "".join((value[found.end() :] if found else value).split())
        try:
            return base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Bad(f"the string is no base64: {str(error).lower()}") from None
    raise expected("a file, or a string in base64", value)


def _stamp(value: Any) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(_zoned(value))
    except (ValueError, TypeError):
        raise expected('a date and time such as "2026-01-31T12:00:00Z"', value) from None


def _date(value: Any) -> datetime.date:
    try:
        return datetime.date.fromisoformat(value)
    except (ValueError, TypeError):
        raise expected('a date such as "2026-01-31"', value) from None


def _time(value: Any) -> datetime.time:
    try:
        return datetime.time.fromisoformat(_zoned(value))
    except (ValueError, TypeError):
        raise expected('a time such as "12:00:00"', value) from None


def _zoned(value: Any) -> Any:
    # The standard (RFC 3339) lets the letters be small.
    return value[:-1] + "Z" if isinstance(value, str) and value.endswith("z") else value


def _duration(value: Any) -> datetime.timedelta:
    if type(value) in NUMBERS:
        if abs(value) > _MOST_SECONDS:
            raise Bad("the duration is too long")
        return datetime.timedelta(seconds=value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise expected('seconds, or a duration such as "PT1.5S"', value)
    sign, weeks, days, hours, minutes, seconds = found.groups()
    length = datetime.timedelta(
        weeks=int(weeks or 0),
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=float(seconds or 0),
    )
    return -length if sign == "-" else length


def _uuid(value: Any) -> Any:
    try:
        if isinstance(value, str) and len(value) == 36:
            return sys.modules["uuid"].UUID(value)
    except ValueError:
        pass
    raise expected("a UUID", value)


_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")


def _decimal(value: Any) -> Any:
    make = sys.modules["decimal"].Decimal
    if type(value) is float:
        return make(repr(value))
    if type(value) is int or (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        return make(value)
    raise expected("a number, or one in a string", value)


def _choice(members: list[tuple[Any, Any]], kind: Kind | None = None) -> Kind:
    """Return the kind of what is the first of a pair; it is converted to the second."""
    values = {_key(_plain(value)): member for value, member in members}
    allowed = [_plain(value) for value, _ in members]
    one = shown(allowed[0]) if len(allowed) == 1 else "one of " + ", ".join(map(_short, allowed))

    def convert(value: Any) -> Any:
        try:
            return values[type(value), value]
        except (KeyError, TypeError):
            pass
        if type(value) is float and value.is_integer() and (int, int(value)) in values:
            return values[int, int(value)]
        if isinstance(value, str) and (str, str(value)) in values:
            return values[str, str(value)]
        raise expected(one, value)

    kind = kind or Kind()
    kind.convert = convert
    kind.takes = frozenset(type(value) for value in allowed)
    if int in kind.takes:
        kind.takes |= {float}
    kind.schema = kind.schema or ({"const": allowed[0]} if len(allowed) == 1 else {"enum": allowed})
    return kind


def _enum(kind: type[enum.Enum], found: Kind) -> Schema:
    plain = all(isinstance(m.value, str | int | float | bool | None) for m in kind)
    # A value that JSON has not is meant by the member's name.
    members = [(member.value if plain else member.name, member) for member in kind]
    if not members:
        return {}
    _choice(members, found)
    described = {"description": kind.__doc__.strip()} if _own_doc(kind) else {}
    return {"enum": [_plain(value) for value, _ in members], "title": kind.__name__, **described}


def _own_doc(kind: type) -> bool:
    return bool(kind.__doc__) and kind.__doc__ not in {"An enumeration.", enum.Enum.__doc__}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _key(value: Any) -> tuple[type, Any]:
    for plain in (bool, int, float, str):  # an enumeration's value may be of a class of these
        if isinstance(value, plain):
            return plain, plain(value)
    return type(value), value


def _short(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _binary(compiler: Compiler) -> Kind:
    schema = {"type": "string", "contentEncoding": "base64"}
    schema |= {} if compiler.output else {"pattern": BASE64}
    return Kind(
        binary,
        schema,
        _STRINGS,
        whole=lambda body, kind: body,
        accepts=(BINARY,),
        returns=(BINARY,),
    )


def _string(compiler: Compiler) -> Kind:
    return Kind(
        text, {"type": "string"}, _STRINGS, accepts=("text/plain",), returns=("text/plain",)
    )


def _of(convert: Any, schema: Schema, takes: frozenset[type] = _STRINGS) -> Any:
    return lambda compiler: Kind(convert, dict(schema), takes)


_SECONDS = {"type": "number", "minimum": -_MOST_SECONDS, "maximum": _MOST_SECONDS}
_SECONDS |= {"description": "In seconds."}
# The format `duration` has no sign and no fractions, and weeks only alone.
_LENGTH = {"type": "string", "pattern": f"^{_DURATION.pattern.replace('(?:', '(')}$"}
_WRITTEN = {"type": "string", "pattern": r"^-?P([0-9]{1,9}D)?(T[0-9]{1,5}(\.[0-9]{1,6})?S)?$"}
_DIGITS = {"type": "string", "pattern": f"^{_DECIMAL.pattern}$"}


def _either(convert: Any, number: Schema, string: Schema, written: Schema) -> Any:
    def make(compiler: Compiler) -> Kind:
        # A result is always written as the string, which loses nothing.
        schema = written if compiler.output else {"anyOf": [number, string]}
        return Kind(convert, schema, NUMBERS | _STRINGS)

    return make


_KINDS = {
    type(None): _of(_null, {"type": "null"}, frozenset({type(None)})),
    bool: _of(boolean, {"type": "boolean"}, frozenset({bool})),
    int: _of(integer, {"type": "integer"}, NUMBERS),
    float: _of(number, {"type": "number"}, NUMBERS),
    str: _string,
    bytes: _binary,
    bytearray: lambda compiler: _copied(_binary(compiler), bytearray),
    memoryview: lambda compiler: _copied(_binary(compiler), memoryview),
    datetime.datetime: _of(_stamp, {"type": "string", "format": "date-time"}),
    datetime.date: _of(_date, {"type": "string", "format": "date"}),
    datetime.time: _of(_time, {"type": "string", "format": "time"}),
    datetime.timedelta: _either(_duration, _SECONDS, _LENGTH, _WRITTEN),
}
# Types of modules that only their users pay for.
_ELSEWHERE = {
    ("uuid", "UUID"): _of(_uuid, {"type": "string", "format": "uuid"}),
    ("decimal", "Decimal"): _either(_decimal, {"type": "number"}, _DIGITS, _DIGITS),
}


def _copied(kind: Kind, into: Any) -> Kind:
    kind.convert = lambda value: into(binary(value))
    kind.whole = lambda body, content_type: into(body)
    return kind


def file_of(value: Any) -> tuple[bytes, str]:
    """Return the content and the content type of a file, given as one or in base64.

    Raises:
        Bad: It is neither.
    """
    if isinstance(value, File):
        return value, value.content_type
    return binary(value), ""
