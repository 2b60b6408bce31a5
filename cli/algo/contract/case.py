"""Golden cases as values: an input, and what the answer must be."""

from __future__ import annotations

import msgspec

from algo.contract.values import Json, Tolerance

FOLDER = "cases"


class Assertion(msgspec.Struct, frozen=True):
    """A demand of one `kind` (`equals`, `gte`, `matches`) on the part of the answer at `path`."""

    path: str
    kind: str
    operand: Json


class Expected(msgspec.Struct, frozen=True):
    """The whole answer must be `value`, its numbers within the tolerance."""

    value: Json


class Holds(msgspec.Struct, frozen=True):
    """All assertions must hold."""

    assertions: tuple[Assertion, ...]


class Refuses(msgspec.Struct, frozen=True):
    """The answer must be an error with this `code` (empty: any) and `message` in its own."""

    code: str
    message: str = ""


class Case(msgspec.Struct, frozen=True):
    """One golden case.

    Args:
        file: Its file, relative to the project.
        name: Unique within its file.
        input: What the algorithm is called with.
        check: What the answer must be.
        tolerance: How far numbers may be apart, here and in the next version's answer.
        stable: An answer that differs from the last version's is a breaking change.
    """

    file: str
    name: str
    input: Json
    check: Expected | Holds | Refuses
    tolerance: Tolerance
    stable: bool = False

    @property
    def id(self) -> str:
        """A name that is unique within the project."""
        return f"{self.file}: {self.name}"


class Example(msgspec.Struct, frozen=True):
    """An input of a labelled set and the answer that is right."""

    input: Json
    label: Json


class Labelled(msgspec.Struct, frozen=True):
    """A labelled set: a metric over its examples with a bound.

    Args:
        file: Its file, relative to the project.
        name: Unique within its file.
        metric: `accuracy` (with a floor), `mae` or `rmse` (with a ceiling).
        bound: The floor or the ceiling.
        path: The part of the answer that is compared with the label.
        examples: At least one.
        stable: A metric that differs from the last version's is a breaking change.
    """

    file: str
    name: str
    metric: str
    bound: float
    path: str
    examples: tuple[Example, ...]
    stable: bool = False

    @property
    def id(self) -> str:
        """A name that is unique within the project."""
        return f"{self.file}: {self.name}"


AnyCase = Case | Labelled
