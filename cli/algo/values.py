"""What values inside of `algo` are made of."""

from __future__ import annotations

from msgspec import Struct


class Value(Struct, frozen=True):
    """Never changes, is equal to one with the same fields, and can be a key.

    A class of these is made in a fiftieth of the time of a dataclass, which takes half a
    millisecond; a build loads ninety. Nothing looks at annotations, so what they name may be
    imported for type checkers alone: what is parsed is a `Struct` of msgspec's own.

    A dataclass stays one where a field is not compared or not shown, and in what `algo --help`
    loads, as msgspec itself takes longer than those few.
    """


class Record(Struct):
    """The same, for what changes: it is no key."""
