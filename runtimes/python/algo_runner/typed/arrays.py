"""numpy arrays: nested lists of JSON, or a body in numpy's own format (.npy).

`np.ndarray`, `NDArray[np.float32]` and `Annotated[np.ndarray, np.float32, (None, 28)]`: of the
metadata a tuple is the shape (a number, None for any length, or a name: equal names are equal
lengths), and what numpy takes for a dtype is the dtype.
"""

from __future__ import annotations

import io
import sys
import typing
from dataclasses import dataclass
from typing import Any

from algo_runner.typed.kinds import EVERYTHING, BadAnnotation, Compiler, Kind, Schema
from algo_runner.typed.parts import File
from algo_runner.typed.problems import MOST, Bad, Problem, expected
from algo_runner.typed.scalars import boolean, integer, number, text

NPY = "application/x-npy"
MOST_CHARACTERS = 50_000_000
_LEAVES = {
    "b": (boolean, frozenset({bool}), "boolean"),
    "i": (integer, frozenset({int}), "integer"),
    "u": (integer, frozenset({int}), "integer"),
    "f": (number, frozenset({int, float}), "number"),
    "c": (number, frozenset({int, float}), "number"),
    "U": (text, frozenset({str}), "string"),
    "S": (text, frozenset({str}), "string"),
    "M": (text, frozenset({str}), "string"),
    "m": (integer, frozenset({int}), "integer"),
}
_ABSTRACT = {"floating": "float64", "inexact": "float64", "integer": "int64"}
_ABSTRACT |= {"signedinteger": "int64", "unsignedinteger": "uint64", "number": "float64"}


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of an array, or of one of numpy's numbers."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    origin = typing.get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, numpy.generic):
        return _scalar(numpy, origin, compiler)
    if origin is not numpy.ndarray:
        return None
    return Array.of(numpy, typing.get_args(annotation), metadata).kind(compiler)


@dataclass(frozen=True)
class Array:
    """What an annotation says of an array.

    Args:
        numpy: The author's.
        dtype: None where any will do.
        shape: None where any will do; a length is a number, None or a name.
        about: Its description.
    """

    numpy: Any
    dtype: Any
    shape: tuple[int | str | None, ...] | None
    about: str = ""

    @classmethod
    def of(cls, numpy: Any, arguments: tuple[Any, ...], metadata: tuple[Any, ...]) -> Array:
        """Read `ndarray[shape, dtype[…]]` and what is beside it in `Annotated`.

        Raises:
            BadAnnotation: Something of the metadata is neither.
        """
        shape = _shape(arguments[0]) if arguments else None
        dtype = _dtype(numpy, arguments[1]) if arguments[1:] else None
        about = ""
        for mark in metadata:
            if isinstance(mark, dict) and set(mark) <= {"description", "title"}:
                about = str(mark.get("description", about))
            elif isinstance(mark, tuple):
                shape = _lengths(mark)
            elif isinstance(mark, str) and not _names_dtype(numpy, mark):
                about = mark
            elif mark is not None:
                dtype = _dtype(numpy, mark)
        return cls(numpy, dtype, shape, about)

    def kind(self, compiler: Compiler) -> Kind:
        """Return its kind."""
        return Kind(
            self.convert,
            self._schema(compiler),
            EVERYTHING - {dict, type(None)} if self.shape in {None, ()} else frozenset({list}),
            whole=self.read,
            accepts=(NPY,),
            array=self,
            marked=True,
        )

    @property
    def item(self) -> Array:
        """What one item along the first axis is: of a batch, what one call sends."""
        shape = None if self.shape is None else self.shape[1:]
        return Array(self.numpy, self.dtype, shape, self.about)

    def convert(self, value: Any) -> Any:
        """Return the array of nested lists.

        Raises:
            Bad: It is ragged, has another shape, or holds what is no number.
        """
        if isinstance(value, self.numpy.ndarray):
            return value
        if isinstance(value, File):
            return self.read(value, value.content_type)
        shape = _found(value)
        self._check_shape(shape)
        leaf, exact, _ = _LEAVES.get(self._letter(value), (None, None, ""))
        if leaf is not None:
            value = _checked(value, shape, leaf, exact)
        elif shape:
            _checked(value, shape, None, None)
        return self._made(value)

    def read(self, body: bytes, content_type: str) -> Any:
        """Return the array that a .npy file holds.

        Raises:
            Bad: It is none, or of another shape or dtype.
        """
        del content_type
        array = _npy(self.numpy, body)
        self._check_shape(array.shape)
        if self.dtype is None or array.dtype == self.dtype:
            return array
        if not self.numpy.can_cast(array.dtype, self.dtype, "same_kind"):
            raise Bad(f"expected an array of {self.dtype}, got one of {array.dtype}")
        return array.astype(self.dtype)

    def _letter(self, value: Any) -> str:
        if self.dtype is not None:
            return str(self.dtype.kind)
        while isinstance(value, list) and value:
            value = value[0]
        # Without a dtype the first leaf tells what the others are.
        return {bool: "b", str: "U"}.get(type(value), "f")

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if self.shape is None:
            return
        if len(shape) != len(self.shape):
            raise Bad(f"expected {len(self.shape)} dimensions, got {len(shape)}")
        named: dict[str, int] = {}
        for wanted, length in zip(self.shape, shape, strict=True):
            known = named.setdefault(wanted, length) if isinstance(wanted, str) else wanted
            if known is not None and known != length:
                told = ", ".join("any" if one is None else str(one) for one in self.shape)
                raise Bad(f"expected the shape ({told}), got {_tuple(shape)}")

    def _made(self, value: Any) -> Any:
        numpy, dtype = self.numpy, self.dtype
        wide = _wide(dtype)
        if self._letter(value) in "US":
            _check_width(value)
        try:
            array = numpy.array(value, dtype=wide)
        except OverflowError:
            raise Bad(self._outside(value) or "a number is too large") from None
        except (ValueError, TypeError) as error:
            raise Bad(f"expected an array of {dtype}: {error}") from None
        if wide == dtype:
            return array
        least, most = self._bounds()
        if array.size and (array.min() < least or array.max() > most):
            raise Bad(self._outside(value))
        return array.astype(dtype)

    def _outside(self, value: Any) -> list[Problem]:
        """Return the numbers that the dtype has not; nothing where these are no plain numbers."""
        if self.dtype is not None and self.dtype.kind not in "iuf":
            return []
        least, most = self._bounds()
        problems: list[Problem] = []
        for path, leaf in _leaves(value):
            if not least <= leaf <= most:
                problems.append((path, f"expected a number of {self.dtype}, got {leaf!r:.40}"))
                if len(problems) >= MOST:
                    break
        return problems

    def _bounds(self) -> tuple[Any, Any]:
        dtype = self.dtype or self.numpy.dtype("float64")
        if dtype.kind == "f":
            most = self.numpy.finfo(dtype).max.item()
            return -most, most
        limits = self.numpy.iinfo(dtype)
        return int(limits.min), int(limits.max)

    def _schema(self, compiler: Compiler) -> Schema:
        about = {"description": self.about} if self.about else {}
        leaf = self._leaf()
        if self.shape is None:

            def fill(kind: Kind) -> Schema:
                return {"anyOf": [leaf, {"type": "array", "items": kind.schema}]}

            name = f"{self.dtype or 'any'}_array"
            return compiler.named(("array", name), name, fill).schema | about
        schema = leaf
        for length in reversed(self.shape):
            schema = {"type": "array", "items": schema}
            if isinstance(length, int):
                schema |= {"minItems": length, "maxItems": length}
        return schema | about

    def _leaf(self) -> Schema:
        if self.dtype is None:
            return {"type": ["number", "boolean", "string"]} if self.shape is None else {}
        name = _LEAVES[self.dtype.kind][2] if self.dtype.kind in _LEAVES else ""
        schema: Schema = {"type": name} if name else {}
        if self.dtype.kind in "iuf" and (name == "integer" or self.dtype.itemsize < 8):
            least, most = self._bounds()
            schema |= {"minimum": least, "maximum": most}
        return schema


def _scalar(numpy: Any, kind: Any, compiler: Compiler) -> Kind:
    array = Array(numpy, _dtype(numpy, kind), ())
    made = array.kind(compiler)
    made.convert = lambda value: array.convert(value)[()]
    made.whole, made.accepts, made.array, made.marked = None, (), None, False
    return made


def _wide(dtype: Any) -> Any:
    """Return the dtype that numbers are read as, so that those that `dtype` has not are seen."""
    if dtype is not None and dtype.kind in "iuf" and dtype.itemsize < 8:
        return "float64" if dtype.kind == "f" else "int64"
    return dtype


def _found(value: Any) -> tuple[int, ...]:
    """Return the shape, as the first items show it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value or len(shape) > 32:
            break
        value = value[0]
    return tuple(shape)


def _checked(value: Any, shape: tuple[int, ...], leaf: Any, exact: Any) -> Any:
    """Return `value` when it is as deep and long as `shape` everywhere, its leaves converted.

    Raises:
        Bad: It is not; the problems name each place.
    """
    if not shape:
        if isinstance(value, list | dict):
            raise expected("a number" if leaf is number else "no list", value)
        return value if leaf is None else leaf(value)
    length, *below = shape
    if type(value) is not list:
        raise expected(f"an array of {length}", value)
    if len(value) != length:
        raise Bad(f"expected {length} items as in the first array here, got {len(value)}")
    if not below and exact is not None and set(map(type, value)) <= exact:
        return value
    found, problems = [], []
    for at, one in enumerate(value):
        try:
            found.append(_checked(one, tuple(below), leaf, exact))
        except Bad as bad:
            problems += bad.under(at)
            if len(problems) >= MOST:
                break
    if problems:
        raise Bad(problems)
    return found


def _check_width(value: Any) -> None:
    """Refuse strings of which one is so long that all in its width would take the memory.

    Raises:
        Bad: They would.
    """
    lengths = [len(leaf) for _, leaf in _leaves(value) if isinstance(leaf, str)]
    if max(lengths, default=0) * len(lengths) > MOST_CHARACTERS:
        raise Bad("an array of strings is as wide as its longest, and this one is too long")


def _leaves(value: Any, path: tuple[int, ...] = ()) -> typing.Iterator[tuple[tuple[int, ...], Any]]:
    if not isinstance(value, list):
        yield path, value
        return
    for at, one in enumerate(value):
        yield from _leaves(one, (*path, at))


def _npy(numpy: Any, body: bytes) -> Any:
    file = io.BytesIO(body)
    try:
        version = numpy.lib.format.read_magic(file)
        read = getattr(numpy.lib.format, f"read_array_header_{version[0]}_0")
        shape, fortran, dtype = read(file)
    except (ValueError, AttributeError, SyntaxError, TypeError) as error:
        raise Bad(f"expected a .npy file: {error}") from None
    if dtype.hasobject:
        raise Bad("a .npy file of Python objects is not read")
    data = memoryview(body)[file.tell() :]
    count = 1
    for length in shape:
        count *= length
    # The file's own claim is checked before anything of its size is made.
    if count * dtype.itemsize != len(data):
        raise Bad(f"the .npy file has {len(data)} bytes for the shape {_tuple(shape)} of {dtype}")
    array = numpy.frombuffer(data, dtype, count).reshape(shape, order="F" if fortran else "C")
    return array.copy()


def _dtype(numpy: Any, mark: Any) -> Any:
    if mark is None or mark is Any or isinstance(mark, typing.TypeVar):
        return None
    if isinstance(mark, type) and issubclass(mark, numpy.generic) and mark.__name__ in _ABSTRACT:
        return numpy.dtype(_ABSTRACT[mark.__name__])
    if mark is numpy.generic:
        return None
    if typing.get_origin(mark) is numpy.dtype:
        return _dtype(numpy, typing.get_args(mark)[0])
    try:
        return numpy.dtype(mark)
    except TypeError:
        raise BadAnnotation(
            f"{mark!r} beside np.ndarray is no dtype, and no tuple, which would be a shape"
        ) from None


def _names_dtype(numpy: Any, mark: str) -> bool:
    try:
        numpy.dtype(mark)
    except TypeError:
        return False
    return True


def _shape(annotation: Any) -> tuple[int | None, ...] | None:
    """Read `tuple[int, int]`, `tuple[Literal[28], int]` or `tuple[Any, ...]`."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is not tuple or ... in arguments:
        return None
    lengths = [typing.get_args(one)[0] if _is_literal(one) else None for one in arguments]
    return _lengths(tuple(lengths))


def _is_literal(annotation: Any) -> bool:
    return typing.get_origin(annotation) is typing.Literal


def _lengths(mark: tuple[Any, ...]) -> tuple[Any, ...]:
    for length in mark:
        whole = isinstance(length, int) and not isinstance(length, bool) and length >= 0
        if not (whole or length is None or isinstance(length, str)):
            raise BadAnnotation(f"{length!r} in the shape {mark!r} is no length, None or name")
    return mark


def _tuple(shape: Any) -> str:
    return f"({', '.join(map(str, shape))})"
