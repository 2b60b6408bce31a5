"""A batch as arrays: the inputs of many calls along a first axis, and the results back."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from algo_runner.typed.containers import item_of, mapping
from algo_runner.typed.kinds import BadAnnotation, Compiler, Kind, hints_of, unwrapped
from algo_runner.typed.records import Member, record

if typing.TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Stack:
    """How the inputs of a batch become one.

    Args:
        numpy: The author's.
        arrays: The names of the fields that are stacked; None where an input is one array.
        build: Called with the fields of the batch; None for a dictionary.
    """

    numpy: Any
    arrays: frozenset[str] | None = None
    build: Any = None

    def groups(self, values: Sequence[Any]) -> list[list[int]]:
        """Return the indexes of values that fit into one array each: those of one shape."""
        found: dict[Any, list[int]] = {}
        for at, value in enumerate(values):
            found.setdefault(self._key(value), []).append(at)
        return list(found.values())

    def join(self, values: Sequence[Any]) -> Any:
        """Return what `apply_batch` gets for values of one group."""
        if self.arrays is None:
            return self.numpy.stack(values)
        columns = {
            name: self.numpy.stack(column) if self._stacked(name) else column
            for name in values[0]
            for column in [[value[name] for value in values]]
        }
        return columns if self.build is None else self.build(**columns)

    def split(self, results: Any) -> Any:
        """Return results that came as columns as one for each call; others as they are."""
        if dataclasses.is_dataclass(results) and not isinstance(results, type):
            results = {f.name: getattr(results, f.name) for f in dataclasses.fields(results)}
        if not isinstance(results, dict):
            return results
        names = list(results)
        return [dict(zip(names, row, strict=True)) for row in zip(*results.values(), strict=True)]

    def _key(self, value: Any) -> Any:
        if self.arrays is None:
            return value.shape
        return tuple(
            (name, one.shape if self._stacked(name) else None) for name, one in value.items()
        )

    def _stacked(self, name: str) -> bool:
        return not self.arrays or name in self.arrays


def per_call(compiler: Compiler, annotation: Any) -> tuple[Kind, Stack | None]:
    """Return the kind of what one call sends to, or gets from, a batch that is so annotated.

    Raises:
        BadAnnotation: It is an object of which some fields have no place for each call.
    """
    whole = Compiler(output=compiler.output).kind(annotation)
    if whole.array is not None:
        return whole.array.item.kind(compiler), Stack(whole.array.numpy)
    bare, _ = unwrapped(annotation)
    origin = typing.get_origin(bare) or bare
    fields = whole.fields or {}
    if set(fields) == {""}:  # a list
        return compiler.kind(item_of(bare)), None
    if origin is dict and len(typing.get_args(bare)) == 2:
        return _dictionary(compiler, typing.get_args(bare)[1])
    if dataclasses.is_dataclass(origin) or typing.is_typeddict(origin):
        arrays = {name: kind.array for name, kind in fields.items() if kind.array is not None}
        if arrays:
            return _record(compiler, origin, fields, arrays)
    return Kind(), None


def _dictionary(compiler: Compiler, annotation: Any) -> tuple[Kind, Stack | None]:
    whole = Compiler().kind(annotation)
    if whole.array is None:
        return Kind(), None
    item = whole.array.item.kind(compiler)
    return mapping(Kind(), item), Stack(whole.array.numpy, frozenset())


def _record(
    compiler: Compiler, cls: Any, fields: dict[str, Kind], arrays: dict[str, Any]
) -> tuple[Kind, Stack]:
    columns = []
    for name, kind in fields.items():
        if name in arrays:
            item = arrays[name].item.kind(compiler)
        elif set(kind.fields or {}) == {""}:
            hint = hints_of(cls)[name]
            item = compiler.kind(item_of(unwrapped(hint)[0]))
        else:
            raise BadAnnotation(
                f"{cls.__name__}.{name} is neither an array nor a list: which call is it of?"
            )
        columns.append(Member(name, item, True, item.schema))
    kind = Kind()
    schema = record(kind, columns, None, cls.__doc__, compiler)
    if dataclasses.is_dataclass(cls) and str(cls.__doc__).startswith(f"{cls.__name__}("):
        del schema["description"]
    kind.schema = schema
    numpy = next(iter(arrays.values())).numpy
    return kind, Stack(numpy, frozenset(arrays), None if typing.is_typeddict(cls) else cls)
