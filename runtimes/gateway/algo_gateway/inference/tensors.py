"""Tensors: a name, a datatype, a shape, and elements as bytes or as values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from algo_gateway.inference import datatypes
from algo_gateway.inference.datatypes import BYTES, SIZES, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo_gateway.inference.datatypes import Data

# numpy has 64 at most; deeper lists would not be read by a runner either.
MOST_DIMENSIONS = 32
# A tensor without elements may still have that many empty rows.
MOST_EMPTY = 1 << 16

Parameters = dict[str, Any]


class Tensor:
    """One tensor, row by row. It holds its elements as bytes, as values, or both."""

    __slots__ = ("_data", "_values", "datatype", "name", "parameters", "shape")

    def __init__(
        self,
        name: str,
        datatype: str,
        shape: list[int],
        *,
        data: Data | None = None,
        values: list[Any] | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self.parameters = parameters or {}
        self._data = data
        self._values = values

    @property
    def data(self) -> Data:
        """The elements as bytes, little-endian; of BYTES each after its length.

        Raises:
            ValueError: A value is none of this datatype.
        """
        if self._data is None:
            assert self._values is not None
            self._data = datatypes.pack(self.datatype, self._values)
        return self._data

    @property
    def values(self) -> list[Any]:
        """The elements: numbers, booleans, text or `bytes`.

        Raises:
            ValueError: The bytes do not fit.
        """
        if self._values is None:
            assert self._data is not None
            self._values = datatypes.unpack(self.datatype, self._data)
        return self._values

    @property
    def count(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)


def given(
    name: str, datatype: str, shape: list[int], *, data: Data | None = None, values: Any = None
) -> Tensor:
    """Return a tensor of a request: either its `data` as bytes, or its `values`, flat or nested.

    Raises:
        Failure: 400, the parts do not fit together.
    """
    if not datatypes.known(datatype):
        raise refused(name, f"there is no datatype {datatype!r}")
    if len(shape) > MOST_DIMENSIONS:
        raise refused(name, f"{len(shape)} dimensions are more than {MOST_DIMENSIONS}")
    if any(size < 0 for size in shape):
        raise refused(name, f"the shape {shape} has a negative size")
    count = math.prod(shape)
    if count == 0 and math.prod(size for size in shape if size) > MOST_EMPTY:
        raise refused(name, f"the shape {shape} has no elements and too many rows")
    try:
        if data is not None:
            return _of_bytes(name, datatype, shape, count, data)
        return _of_values(name, datatype, shape, count, values)
    except ValueError as error:
        raise refused(name, str(error)) from None


def nest(flat: list[Any], shape: Sequence[int]) -> Any:
    """Return `flat` as lists of lists of this shape; without dimensions its only element."""
    if not shape:
        return flat[0]
    for depth in range(len(shape) - 1, 0, -1):
        size = shape[depth]
        rows = range(math.prod(shape[:depth]))
        flat = [flat[row * size : (row + 1) * size] for row in rows]
    return flat


def flatten(value: list[Any], shape: Sequence[int]) -> list[Any]:
    """Return nested lists of exactly this shape as one list.

    Raises:
        ValueError: A list has another length, or is missing.
    """
    if len(value) != shape[0]:
        raise ValueError(f"{len(value)} rows do not fit the shape {list(shape)}")
    for size in shape[1:]:
        if not all(type(row) is list and len(row) == size for row in value):
            raise ValueError(f"the lists do not fit the shape {list(shape)}")
        value = [element for row in value for element in row]
    return value


def measure(value: list[Any]) -> tuple[list[int], list[Any]] | None:
    """Return the shape and the elements of nested lists, None when they are not rectangular."""
    shape, level = [len(value)], value
    while level and type(level[0]) is list:
        size = len(level[0])
        if not all(type(row) is list and len(row) == size for row in level):
            return None
        shape.append(size)
        level = [element for row in level for element in row]
    return None if any(type(element) is list for element in level) else (shape, level)


def _of_bytes(name: str, datatype: str, shape: list[int], count: int, data: Data) -> Tensor:
    if datatype == BYTES:
        values = datatypes.unpack(BYTES, data)
        if len(values) != count:
            raise ValueError(f"{len(values)} elements do not fit the shape {shape}")
        return Tensor(name, datatype, shape, data=data, values=values)
    wanted = count * SIZES[datatype]
    if len(data) != wanted:
        raise ValueError(f"{datatype} of the shape {shape} has {wanted} bytes, not {len(data)}")
    return Tensor(name, datatype, shape, data=data)


def _of_values(name: str, datatype: str, shape: list[int], count: int, values: Any) -> Tensor:
    if not isinstance(values, list):
        if count != 1 or values is None:
            raise ValueError("data is no list" if values is not None else "there is no data")
        values = [values]
    elif shape and values and type(values[0]) is list:
        values = flatten(values, shape)
    if len(values) != count:
        raise ValueError(f"{len(values)} elements do not fit the shape {shape}")
    # Packing is also what tells that each element is one of the datatype.
    return Tensor(
        name,
        datatype,
        shape,
        data=datatypes.pack(datatype, values),
        values=values if datatype not in {"FP16", "FP32", "BF16", BYTES} else None,
    )
