"""Types of inputs and results."""

import io
import pathlib
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Path(type(pathlib.Path())):
    """A file on the disk."""


class File(io.IOBase):
    """A file that is open; the annotation of a parameter that gets one."""


class Secret:
    """A text that is not shown."""

    def __init__(self, secret_value):
        self._value = secret_value

    def get_secret_value(self):
        """Return the text."""
        return self._value

    def __str__(self):
        return "**********" if self._value else ""

    def __repr__(self):
        return f"Secret({str(self)!r})"


class ConcatenateIterator(Iterator[Item]):
    """Pieces of one text."""


class AsyncConcatenateIterator(AsyncIterator[Item]):
    """Pieces of one text, as they come."""


class BaseModel:
    """A result of several fields, for which a class has annotations."""

    def __init__(self, **fields):
        known = {}
        for cls in reversed(type(self).__mro__):
            known |= getattr(cls, "__annotations__", {})
        for name in fields:
            if name not in known:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        for name in known:
            setattr(self, name, fields.get(name, getattr(type(self), name, None)))
        self._fields = tuple(known)

    def tolist(self):
        """Return what JSON has for it, by which the runner knows it."""
        return {name: getattr(self, name) for name in self._fields}

    dict = model_dump = tolist
