"""What an ONNX file says of itself, read without onnx and without onnxruntime.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING, Any

from algo.importing.protobuf import (
    Malformed,
    fields,
    integer,
    integers,
    messages,
    signed,
    texts,
)
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GRAPH, _OPSETS = 7, 8
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_ATTRIBUTE, _EXTERNAL_DATA, _DATA_LOCATION = 5, 13, 14
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS = 5, 6, 10, 11
_TYPE_TENSOR, _TYPE_SEQUENCE, _TYPE_MAP, _TYPE_OPTIONAL = 1, 4, 5, 9
_ELEMENTS = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
    19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
}  # fmt: skip
# How struct calls an element, and in which field those are that are not in raw bytes.
_CODES = {
    "float32": "f", "float64": "d", "float16": "e", "bool": "?", "int8": "b", "uint8": "B",
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
}  # fmt: skip
_PACKED = {"float32": (4, "f"), "float64": (10, "d")}
_MOST_VALUES = 400_000


class Tensor(Value, frozen=True):
    """A tensor: `element` as numpy calls it (and `string`), a length as number, name or None.

    Without a shape any will do.
    """

    element: str
    shape: tuple[int | str | None, ...] | None


class Sequence(Value, frozen=True):
    """A list of values of one type."""

    of: ValueType | None


class Map(Value, frozen=True):
    """An object: keys of the element type `key`."""

    key: str
    of: ValueType | None


class Optional(Value, frozen=True):
    """A value or nothing."""

    of: ValueType | None


ValueType = Tensor | Sequence | Map | Optional


class Named(Value, frozen=True):
    """An input or an output; without a `type` the file does not say what it is."""

    name: str
    type: ValueType | None
    about: str = ""


class OnnxFile(Value, frozen=True):
    """What the file says.

    Args:
        ir_version: Of the format.
        opsets: Versions of the operator sets by domain, the standard one being "".
        inputs: What must be given: inputs that have a default are left out.
        outputs: What it answers.
        producer: What wrote it, with its version.
        external: Files beside it that hold its weights, relative to it.
    """

    ir_version: int
    opsets: dict[str, int]
    inputs: tuple[Named, ...]
    outputs: tuple[Named, ...]
    producer: str = ""
    about: str = ""
    external: tuple[str, ...] = ()


def read(path: Path) -> OnnxFile:
    """Read the file at `path`, but for its weights.

    Raises:
        Malformed: It is no ONNX file.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise Malformed("it is empty")
        # It is unmapped with the last view of it: an error's traceback may hold one.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _model(memoryview(mapped))
    except RecursionError as error:
        raise Malformed("it is nested too deeply") from error


def read_tensor(path: Path) -> tuple[str, Any] | None:
    """Return name and nested lists of the tensor in a file, as models are shipped with.

    None for one of an element type that JSON has no numbers for, or that is larger than a case.

    Raises:
        Malformed: It is no tensor.
    """
    data = memoryview(path.read_bytes())
    element = _element(integer(data, 2))
    shape = [signed(length) for length in integers(data, 1)]
    values = _values(data, element, math.prod(shape))
    if values is None:
        return None
    return "".join(texts(data, 8)), _folded(values, shape)


def _values(data: memoryview, element: str, count: int) -> list[Any] | None:
    """Return the elements, which are in raw bytes or in a field for their kind."""
    if count > _MOST_VALUES:
        return None
    if element == "string":
        return [str(one, "utf-8", errors="replace") for one in messages(data, 6)]
    if element not in _CODES:
        return None
    code = _CODES[element]
    raw = b"".join(bytes(one) for one in messages(data, 9))
    if raw:
        if len(raw) != count * struct.calcsize(f"<{code}"):
            raise Malformed("a tensor has another size than its shape says")
        return list(struct.unpack(f"<{count}{code}", raw))
    if element in _PACKED:
        field, kind = _PACKED[element]
        raw = b"".join(bytes(one) for one in messages(data, field))
        return list(struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw))
    found = [signed(one) for number in (5, 7, 11) for one in integers(data, number)]
    return [bool(one) for one in found] if element == "bool" else list(found)


def _folded(values: list[Any], shape: list[int]) -> Any:
    if not shape:
        return values[0] if values else None
    if len(values) != math.prod(shape):
        raise Malformed("a tensor has another size than its shape says")
    for length in reversed(shape[1:]):
        values = [values[at : at + length] for at in range(0, len(values), length or 1)]
    return values


def _model(data: memoryview) -> OnnxFile:
    graphs, version = messages(data, _GRAPH), integer(data, 1)
    opsets = {"".join(texts(one, 1)): integer(one, 2) or 0 for one in messages(data, _OPSETS)}
    if not graphs or version is None or not opsets:
        raise Malformed("it has no graph")
    graph = graphs[-1]
    given = {name for one in messages(graph, _INITIALIZER) for name in texts(one, 8)}
    inputs = [_named(one) for one in messages(graph, _INPUT)]
    producer = " ".join(text for number in (2, 3) for text in texts(data, number) if text)
    return OnnxFile(
        version,
        {("" if domain == "ai.onnx" else domain): number for domain, number in opsets.items()},
        tuple(one for one in inputs if one.name not in given),
        tuple(_named(one) for one in messages(graph, _OUTPUT)),
        producer,
        "".join(texts(data, 6)),
        tuple(sorted(set(_external(graph)))),
    )


def _named(data: memoryview) -> Named:
    types = messages(data, 2)
    return Named("".join(texts(data, 1)), _type(types[-1]) if types else None, _about(data))


def _about(data: memoryview) -> str:
    return " ".join("".join(texts(data, 3)).split())


def _type(data: memoryview) -> ValueType | None:
    for number, value in fields(data):
        if not isinstance(value, memoryview):
            continue
        if number == _TYPE_TENSOR:
            return Tensor(_element(integer(value, 1)), _shape(value))
        if number == _TYPE_SEQUENCE:
            return Sequence(_inner(value, 1))
        if number == _TYPE_MAP:
            return Map(_element(integer(value, 1)), _inner(value, 2))
        if number == _TYPE_OPTIONAL:
            return Optional(_inner(value, 1))
    return None


def _inner(data: memoryview, number: int) -> ValueType | None:
    found = messages(data, number)
    return _type(found[-1]) if found else None


def _element(number: int | None) -> str:
    return _ELEMENTS.get(number or 0, f"type {number}")


def _shape(data: memoryview) -> tuple[int | str | None, ...] | None:
    shapes = messages(data, 2)
    return tuple(_length(one) for one in messages(shapes[-1], 1)) if shapes else None


def _length(data: memoryview) -> int | str | None:
    number, names = integer(data, 1), texts(data, 2)
    if number is not None and signed(number) >= 0:
        return signed(number)
    return names[-1] if names and names[-1] else None


def _external(graph: memoryview) -> Iterator[str]:
    """Yield the files that hold tensors of `graph`, and of graphs inside it."""
    for tensor in messages(graph, _INITIALIZER):
        yield from _location(tensor)
    for node in messages(graph, _NODE):
        for attribute in messages(node, _ATTRIBUTE):
            for number, value in fields(attribute):
                if not isinstance(value, memoryview):
                    continue
                if number in (_TENSOR, _TENSORS):
                    yield from _location(value)
                elif number in (_SUBGRAPH, _SUBGRAPHS):
                    yield from _external(value)


def _location(tensor: memoryview) -> Iterator[str]:
    if integer(tensor, _DATA_LOCATION) != 1:
        return
    for entry in messages(tensor, _EXTERNAL_DATA):
        if texts(entry, 1) == ["location"]:
            yield from texts(entry, 2)
