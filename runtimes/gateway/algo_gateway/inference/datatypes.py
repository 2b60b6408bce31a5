"""The datatypes of the Open Inference Protocol: elements as little-endian bytes, and as values.

numpy is the algorithm's package, not the gateway's: `struct` does what is needed here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    Data = bytes | bytearray | memoryview

BYTES = "BYTES"
BF16 = "BF16"
# What `struct` calls an element of each datatype.
_CODES = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
# Bytes of an element; one of BYTES has four for its length, then as many as that says.
SIZES = {name: struct.calcsize(f"<{code}") for name, code in _CODES.items()} | {BF16: 2}
_LENGTH = struct.Struct("<I")


def known(datatype: str) -> bool:
    """Tell whether the protocol has this datatype."""
    return datatype == BYTES or datatype in SIZES


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Return the bytes of `values`, row by row.

    Raises:
        ValueError: A value is no element of `datatype`.
    """
    if datatype == BYTES:
        return b"".join([_pack_bytes(value) for value in values])
    if datatype == "BOOL" and not all(value is True or value is False for value in values):
        raise ValueError("an element is neither true nor false")
    if datatype == BF16:
        return _narrow(_pack("f", values))
    return _pack(_CODES[datatype], values)


def unpack(datatype: str, data: Data) -> list[Any]:
    """Return the elements in `data`: numbers, booleans, or `bytes`.

    Raises:
        ValueError: A length in the BYTES does not fit.
    """
    if datatype == BYTES:
        return _unpack_bytes(data)
    if datatype == BF16:
        wide = bytearray(2 * len(data))
        wide[2::4], wide[3::4] = bytes(data[0::2]), bytes(data[1::2])
        return list(struct.unpack(f"<{len(data) // 2}f", wide))
    return list(struct.unpack(f"<{len(data) // SIZES[datatype]}{_CODES[datatype]}", data))


def text(values: Sequence[bytes]) -> list[str] | None:
    """Return elements of BYTES as text, None when one is not UTF-8."""
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError:
        return None


def refused(name: str, what: str) -> Failure:
    """Return the failure of a tensor that cannot be taken."""
    return Failure(400, "bad_tensor", f"tensor {name!r}: {what}")


def _pack(code: str, values: Sequence[Any]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}{code}", *values)
    except (struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None


def _pack_bytes(value: object) -> bytes:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
    elif isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
    else:
        raise ValueError(f"an element is no text: {value!r:.40}")
    return _LENGTH.pack(len(data)) + data


def _unpack_bytes(data: Data) -> list[bytes]:
    values, at, end = [], 0, len(data)
    while at < end:
        if end - at < _LENGTH.size:
            raise ValueError(f"{end - at} bytes are left where a length of 4 is due")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > end - at:
            raise ValueError(f"an element of {length} bytes, and {end - at} are left")
        values.append(bytes(data[at : at + length]))
        at += length
    return values


def _narrow(single: bytes) -> bytes:
    """Return singles as brain floats, rounded to the nearest, ties to even."""
    out = bytearray(len(single) // 2)
    for index, (bits,) in enumerate(struct.iter_unpack("<I", single)):
        if bits & 0x7FFFFFFF > 0x7F800000:  # not a number: rounding could make it infinite
            half = bits >> 16 | 0x40
        else:
            half = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        out[2 * index : 2 * index + 2] = half.to_bytes(2, "little")
    return bytes(out)
