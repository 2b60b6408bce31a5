"""Whether a fresh `load` would give the state that is there: what it changed, what it shares.

The syntax tells which code `load` reaches. This looks at the objects: `load` may change variables
of modules, which new modules have afresh, and state may hold what belongs to the old modules.
"""

from __future__ import annotations

import enum
import functools
import gc
import pathlib
import re
import types
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Objects that are looked at before it is given up; then the state is not kept.
MOST = 50_000
_BYTES = 1 << 20
# Modules of the standard library and others whose objects hold nothing that changes.
_FIXED_IN = frozenset(
    {
        *("typing", "weakref", "_weakref", "_thread", "numpy.dtypes", "logging", "datetime"),
        *("decimal", "fractions", "uuid", "zoneinfo", "operator", "_contextvars", "string"),
    }
)
_FIXED = (
    *(str, bytes, int, float, complex, bool, type(None), type(...), type(NotImplemented)),
    *(range, slice, type, re.Pattern, pathlib.PurePath, enum.Enum),
    *(property, staticmethod, classmethod),
    *(types.ModuleType, types.BuiltinFunctionType, types.CodeType, types.GenericAlias),
    *(functools._lru_cache_wrapper,),
    *(types.MethodWrapperType, types.WrapperDescriptorType, types.MethodDescriptorType),
)


class Doubt(Exception):
    """What is there cannot be seen through."""


class Snapshot:
    """What the project's modules hold at a moment.

    Args:
        modules: The modules.
        variables: Of those that `load` reaches: their file and name.
    """

    def __init__(
        self, modules: Sequence[types.ModuleType], variables: Iterable[tuple[str, str]]
    ) -> None:
        self._modules = list(modules)
        self._variables = list(variables)
        # The objects themselves: as long as they are held, no other can be taken for them.
        self._names = [_names(module) for module in self._modules]
        self._values: list[Any] | None = self._marks()

    def unchanged(self, modules: Sequence[types.ModuleType]) -> bool:
        """Tell whether the same modules hold the same things."""
        if {id(module) for module in modules} != {id(module) for module in self._modules}:
            return False  # load() imported one, and may have changed it
        for module, before in zip(self._modules, self._names, strict=True):
            if not _same(_names(module), before):
                return False
        if self._values is None:
            return False
        return _same(self._marks(), self._values)

    def _marks(self) -> list[Any] | None:
        by_file = {module.__file__: module for module in self._modules}
        budget = [MOST]
        try:
            return [
                _mark(vars(by_file[file])[name], budget)
                for file, name in self._variables
                if file in by_file and name in vars(by_file[file])
            ]
        except Doubt:
            return None


def apart(state: Any, modules: Sequence[types.ModuleType]) -> bool:
    """Tell whether `state` has nothing of the project's modules: no instance, no shared object.

    An instance of an old class is none of the new one's; an old function sees the old variables.
    """
    names = {module.__name__ for module in modules}
    shared = {
        id(value)
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("__") and not isinstance(value, _FIXED)
    }
    seen = {id(state)}
    waiting, left = [state], MOST
    while waiting:
        here = waiting.pop()
        left -= 1
        if left < 0 or id(here) in shared or type(here).__module__ in names:
            return False
        if isinstance(here, type | types.FunctionType):
            if here.__module__ in names:
                return False
            continue  # of a package: it is the same for the new code
        if isinstance(here, types.ModuleType):
            if here.__name__ in names:
                return False
            continue
        if isinstance(here, str | bytes | int | float | types.CodeType | types.FrameType):
            continue
        for below in gc.get_referents(here):
            if id(below) not in seen:
                seen.add(id(below))
                waiting.append(below)
                if len(waiting) > MOST:
                    return False
    return True


def _names(module: types.ModuleType) -> list[Any]:
    """Return what the names of a module stand for, and those of its classes and functions."""
    found: list[Any] = []
    for name, value in sorted(vars(module).items()):
        if name.startswith("__") or isinstance(value, types.ModuleType):
            continue
        found += [name, value]
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if isinstance(value, type):
            for inner, one in sorted(vars(value).items()):
                if inner not in {"__dict__", "__weakref__", "__doc__", "__abstractmethods__"}:
                    found += [inner, one]
        elif isinstance(value, types.FunctionType) and value.__dict__:
            found += [part for pair in sorted(value.__dict__.items()) for part in pair]
    return found


def _same(now: Any, before: Any) -> bool:
    """Compare nested lists of objects: by identity, texts and numbers by value."""
    if isinstance(now, list) and isinstance(before, list):
        return len(now) == len(before) and all(map(_same, now, before))
    if isinstance(now, _Is) and isinstance(before, _Is):
        return now.value is before.value
    if now is before:
        return True
    plain = (str, bytes, int, float)
    return isinstance(now, plain) and type(now) is type(before) and bool(now == before)


def _mark(value: Any, budget: list[int]) -> Any:
    """Return a copy of the shape of `value`: its containers as lists, all else as it is.

    Raises:
        Doubt: It holds something that can change without being seen.
    """
    budget[0] -= 1
    if budget[0] < 0:
        raise Doubt
    if isinstance(value, _FIXED) or type(value).__module__ in _FIXED_IN:
        return value
    if isinstance(value, types.FunctionType):
        held = [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
        parts = [_mark(part, budget) for part in (*held, *(value.__defaults__ or ()))]
    elif isinstance(value, types.MethodType):
        parts = [_mark(value.__self__, budget)]
    elif isinstance(value, functools.partial):
        parts = [_mark(part, budget) for part in (value.func, value.args, value.keywords)]
    elif isinstance(value, dict):
        parts = [_mark(part, budget) for pair in value.items() for part in pair]
    elif isinstance(value, list | tuple | set | frozenset | deque):
        parts = [_mark(part, budget) for part in value]
    elif isinstance(value, bytearray | memoryview) or _is_array(value):
        parts = [_content(value)]
    elif hasattr(value, "__dict__") and type(value).__flags__ & _HEAP:
        parts = [_mark(part, budget) for pair in vars(value).items() for part in pair]
        parts += _slots(value, budget)
    else:
        raise Doubt
    # With the object itself, which may have been exchanged for an equal one.
    return [_Is(value), parts]


# Py_TPFLAGS_HEAPTYPE: of a class that is written in Python (or of C, made at run time).
_HEAP = 1 << 9


class _Is:
    """Stands for one object: `_same` compares what is held by identity."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") or type(value).__module__ in {"array", "mmap"}


def _is_full(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _content(value: Any) -> bytes:
    """Return the bytes of an array.

    Raises:
        Doubt: They cannot be had, or are too many.
    """
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError) as error:
        raise Doubt from error
    if view.nbytes > _BYTES:
        raise Doubt
    return view.tobytes()


def _slots(value: Any, budget: list[int]) -> list[Any]:
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return [_mark(getattr(value, name, None), budget) for name in names if name != "__dict__"]
