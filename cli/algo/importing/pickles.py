"""What a pickle holds, without running it.

Reading a pickle calls what it names. Here every name stands for a class of ours that only keeps
what it is given, so nothing of it is imported and nothing called.
"""

from __future__ import annotations

import mmap
import pickle
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from algo.importing.compression import Unreadable, uncompressed

if TYPE_CHECKING:
    from pathlib import Path

# The pure Python one: its steps can be replaced, those of the one in C cannot.
_Base: Any = pickle._Unpickler
_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_MADE_BY = {
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("copy_reg", "_reconstructor"),
}
_CODE = {("types", "CodeType"), ("cloudpickle.cloudpickle", "_make_function")}
_CODE |= {("cloudpickle.cloudpickle", "_make_skeleton_class"), ("builtins", "CodeType")}
# What a model has no use for and a trap has.
_DANGEROUS = {
    *("asyncio", "code", "commands", "ctypes", "distutils", "ftplib", "http", "importlib", "nt"),
    *("multiprocessing", "os", "pdb", "pip", "posix", "pty", "requests", "runpy", "shutil"),
    *("smtplib", "socket", "subprocess", "sys", "timeit", "urllib", "webbrowser"),
}
_DANGEROUS_BUILTINS = {"eval", "exec", "compile", "open", "__import__", "execfile", "breakpoint"}
_BUILTINS = {"builtins", "__builtin__"}
_CHUNK = 1 << 20


class NoPickle(ValueError):
    """The file is no pickle, or one that cannot be followed."""


class Stub:
    """What stands for an object of the class that is called `name` in `module`."""

    module = ""
    name = ""

    def __new__(cls, *given: Any, **named: Any) -> Stub:
        """Take any arguments."""
        made = super().__new__(cls)
        made.given, made.state, made.items = given, None, []
        return made

    given: tuple[Any, ...]
    state: Any
    items: list[Any]

    def __init__(self, *given: Any, **named: Any) -> None:
        """Do nothing."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def __call__(self, *given: Any, **named: Any) -> Stub:
        """Stand for whatever the call would give."""
        return Stub(*given)

    def append(self, value: Any) -> None:
        """Keep an item of a list."""
        self.items.append(value)

    def extend(self, values: Any) -> None:
        """Keep items of a list."""
        self.items += values

    def add(self, value: Any) -> None:
        """Keep an item of a set."""
        self.items.append(value)

    def get(self, attribute: str) -> Any:
        """Return an attribute of the object's state, None when it has none of this name."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:  # of a class with slots
            state = state[0]
        return state.get(attribute) if isinstance(state, dict) else None


@dataclass(frozen=True, slots=True)
class Pickled:
    """What was found.

    Args:
        root: The object itself.
        names: Module and name of everything that reading it would import.
        states: The states of its objects that are dictionaries.
    """

    root: Any
    names: frozenset[tuple[str, str]]
    states: tuple[dict[Any, Any], ...] = field(default=(), repr=False)

    @property
    def modules(self) -> frozenset[str]:
        """The packages that it needs, by the names that they are imported by."""
        return frozenset(module.split(".")[0] for module, _ in self.names)

    @property
    def has_code(self) -> bool:
        """Whether it holds bytecode, which only the Python that wrote it can run."""
        return bool(_CODE & self.names)

    @property
    def dangerous(self) -> tuple[str, ...]:
        """What it names that runs commands, opens files or connections. None is no proof."""
        return tuple(
            sorted(
                f"{module}.{name}"
                for module, name in self.names
                if module.split(".")[0] in _DANGEROUS
                or (module in _BUILTINS and name.split(".")[0] in _DANGEROUS_BUILTINS)
            )
        )

    def values(self, key: str) -> frozenset[str]:
        """Return the texts that objects have under `key` in their state."""
        found = (state.get(key) for state in self.states)
        return frozenset(value for value in found if isinstance(value, str))


def look_into(path: Path) -> Pickled:
    """Return what the file at `path` holds: a pickle, or what joblib wrote, compressed or not.

    Raises:
        NoPickle: It is something else, or has parts that cannot be followed.
    """
    try:
        with path.open("rb") as file:
            stream = uncompressed(file)
            reader = _Reader(_mapped(file) if stream is file else stream)
            root = reader.load()
    except Unreadable as error:
        raise NoPickle(str(error)) from error
    except RecursionError as error:
        raise NoPickle("it is nested too deeply") from error
    except (MemoryError, OSError):
        raise
    except Exception as error:  # pickle raises whatever its steps do
        raise NoPickle(f"{type(error).__name__}: {error}") from error
    return Pickled(root, frozenset(reader.names), tuple(reader.states))


def _mapped(file: BinaryIO) -> Any:
    # Its `read` allocates what is there, not what is announced.
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class _Reader(_Base):  # type: ignore[misc]
    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.file = file
        self.names: set[tuple[str, str]] = set()
        self.states: list[dict[Any, Any]] = []
        self._classes: dict[tuple[str, str], type[Stub]] = {}

    dispatch: ClassVar[dict[int, Any]] = dict(_Base.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        self.names.add((module, name))
        if (module, name) in _MADE_BY:
            return _made
        return self._class(module, name)

    def _class(self, module: str, name: str) -> type[Stub]:
        key = (module, name)
        if key not in self._classes:
            words = {"module": module, "name": name}
            self._classes[key] = type(name.split(".")[-1] or "Stub", (Stub,), words)
        return self._classes[key]

    def persistent_load(self, pid: Any) -> Any:
        return Stub(pid)

    def get_extension(self, code: int) -> Any:
        raise pickle.UnpicklingError(f"it uses the extension code {code}")

    def load_build(self) -> None:
        state, holder = self.stack[-1], self.stack[-2]
        if not isinstance(holder, Stub):
            self.stack.pop()
            return
        super().load_build()
        if isinstance(state, dict):
            self.states.append(state)
        if (holder.module, holder.name) == _ARRAY:
            self._pass_array(holder)

    dispatch[pickle.BUILD[0]] = load_build

    def load_newobj(self) -> None:
        given = self.stack.pop()
        self.append(_made(self.stack.pop(), *given))

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_newobj()

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def load_bytearray8(self) -> None:
        length = int.from_bytes(self.read(8), "little")
        data = self.read(min(length, 1 << 40))
        if len(data) != length:
            raise pickle.UnpicklingError("pickle data was truncated")
        self.append(data)

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def _pass_array(self, wrapper: Stub) -> None:
        """Go past the bytes of an array, which joblib writes behind the object that tells of it."""
        kind, refers = _dtype(wrapper.get("dtype"))
        if refers:
            inner = _Reader(self.file)
            inner.load()
            self.names |= inner.names
            self.states += inner.states
            return
        if wrapper.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        left = kind * prod(int(length) for length in wrapper.get("shape"))
        while left > 0:
            part = len(self.file.read(min(left, _CHUNK)))
            if part == 0:
                raise pickle.UnpicklingError("an array ends before its end")
            left -= part


def _made(*given: Any) -> Any:
    """Stand for the calls that make an instance of the class that they are given."""
    cls = given[0] if given else None
    if isinstance(cls, type) and issubclass(cls, Stub):
        return cls(*given[1:])
    return Stub(*given)


def _dtype(dtype: Any) -> tuple[int, bool]:
    """Return the bytes of an item of a numpy dtype, and whether items refer to objects."""
    text = dtype.given[0]
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    size = int(text[1:])
    flags = state[7] if len(state) > 7 and isinstance(state[7], int) else 0
    return size * 4 if text[0] == "U" else size, text[0] == "O" or bool(flags & 1)
