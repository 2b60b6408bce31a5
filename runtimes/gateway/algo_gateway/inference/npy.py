"""Tensors on their way to and from a runner: numpy's own format (.npy), alone or in parts."""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.inference.datatypes import BF16, SIZES
from algo_gateway.inference.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from algo_gateway.inference.datatypes import Data

NPY = "application/x-npy"
PARTS = "application/vnd.algo.parts"
JSON = "application/json"
# Says to a runner that arrays may be in its result as they are (runtimes/README.md).
RESULTS = "; results=npy"

# What numpy calls the datatypes, little-endian.
_DESCRIPTIONS = {
    "BOOL": "|b1",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_DATATYPES = {description: name for name, description in _DESCRIPTIONS.items()}
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    r"\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]*)\), ?\} *\n"
)
# Its header ends at a multiple of this (numpy.lib.format).
_ALIGNED = 64


def is_numeric(datatype: str) -> bool:
    """Tell whether numpy can have such elements; brain floats become singles."""
    return datatype in _DESCRIPTIONS or datatype == BF16


def write(tensor: Tensor) -> bytes:
    """Return a tensor as a .npy file."""
    data, datatype = tensor.data, tensor.datatype
    if datatype == BF16:
        wide = bytearray(2 * len(data))
        wide[2::4], wide[3::4] = bytes(data[0::2]), bytes(data[1::2])
        data, datatype = wide, "FP32"
    sizes = "".join(f"{size}, " for size in tensor.shape)
    shape = sizes[:-1] if len(tensor.shape) == 1 else sizes[:-2]
    text = f"{{'descr': '{_DESCRIPTIONS[datatype]}', 'fortran_order': False, 'shape': ({shape}), }}"
    room = len(_MAGIC) + 2
    length = -(-(room + len(text) + 1) // _ALIGNED) * _ALIGNED - room
    head = struct.pack("<H", length) + text.ljust(length - 1).encode() + b"\n"
    return b"".join([_MAGIC, head, data])


def read(data: Data) -> Tensor:
    """Return the tensor of a .npy file; it keeps the file's bytes.

    Raises:
        ValueError: It is none that a runner writes.
    """
    view = memoryview(data)
    begin = len(_MAGIC) + 2
    end = begin + int.from_bytes(view[len(_MAGIC) : begin], "little")
    match = _HEADER.fullmatch(bytes(view[begin:end]).decode("latin-1"))
    if bytes(view[: len(_MAGIC)]) != _MAGIC or match is None or match[1] not in _DATATYPES:
        raise ValueError("the runner wrote an array that is no .npy file of numbers")
    shape = [int(size) for size in match[2].split(",") if size.strip()] or [1]
    datatype = _DATATYPES[match[1]]
    if math.prod(shape) * SIZES[datatype] != len(view) - end:
        raise ValueError(f"the runner wrote {len(view) - end} bytes of {datatype} for {shape}")
    return Tensor("", datatype, shape, data=view[end:])


class _Part(msgspec.Struct):
    path: list[str | int]
    content_type: str
    length: int


_decode_parts = msgspec.json.Decoder(list[_Part]).decode


def write_parts(parts: Iterable[tuple[str, str, bytes]]) -> bytes:
    """Return an object in parts: the name, content type and content of each field."""
    pieces = list(parts)
    told = [_Part([name], kind, len(content)) for name, kind, content in pieces]
    head = msgspec.json.encode(told)
    return b"".join([struct.pack("<I", len(head)), head, *(content for _, _, content in pieces)])


def read_parts(data: bytes) -> dict[str, Any]:
    """Return the object of a runner's parts: tensors, values of JSON, bytes.

    Raises:
        ValueError: It has another form.
    """
    view = memoryview(data)
    at = 4 + int.from_bytes(view[:4], "little")
    found: dict[str, Any] = {}
    for part in _decode_parts(view[4:at]):
        content = view[at : at + part.length]
        at += part.length
        found[_only(part.path)] = _read_part(part.content_type, content)
    return found


def _only(path: Sequence[str | int]) -> str:
    if len(path) != 1 or not isinstance(path[0], str):
        raise ValueError("the runner put a part where no field is")
    return path[0]


def _read_part(kind: str, content: memoryview) -> Any:
    if kind == NPY:
        return read(content)
    return msgspec.json.decode(content) if kind == JSON else bytes(content)
