"""Read a protobuf message field by field, without its description and without its large parts.

The wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5


class Malformed(ValueError):
    """The bytes are no protobuf message."""


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: an integer, or the bytes of text or a message.

    Raises:
        Malformed: They are none.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("a field has the number 0")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {_I64: 8, _I32: 4}.get(kind)
        if kind == _LEN:
            size, at = _varint(data, at)
        if size is None:
            raise Malformed(f"there is no wire type {kind}")
        if at + size > len(data):
            raise Malformed("a field ends behind the end")
        yield number, data[at : at + size]
        at += size


def texts(data: memoryview, number: int) -> list[str]:
    """Return the strings in the fields called `number`.

    Raises:
        Malformed: They are none.
    """
    try:
        return [str(part, "utf-8") for part in messages(data, number)]
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error


def messages(data: memoryview, number: int) -> list[memoryview]:
    """Return the messages in the fields called `number`."""
    return [
        value for field, value in fields(data) if field == number and isinstance(value, memoryview)
    ]


def integer(data: memoryview, number: int) -> int | None:
    """Return the last integer in a field called `number`, None when there is none."""
    found = [value for field, value in fields(data) if field == number and isinstance(value, int)]
    return found[-1] if found else None


def integers(data: memoryview, number: int) -> list[int]:
    """Return all integers in the fields called `number`, packed together or not."""
    found: list[int] = []
    for field, value in fields(data):
        if field != number:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            found.append(one)
    return found


def signed(value: int) -> int:
    """Return an int64 as it was meant."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Malformed("a number ends behind the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise Malformed("a number has more than ten bytes")
