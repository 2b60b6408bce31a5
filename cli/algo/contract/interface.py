"""What the cases are run on: a callable algorithm and the project's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo.contract.compare import Finding
    from algo.contract.declared import Declared
    from algo.contract.report import Outcome
    from algo.contract.values import Json
    from algo.errors import Problem
    from algo.events import Notify

    Check = Callable[[Sequence[Finding]], None]


class Answer(Value, frozen=True):
    """What the algorithm answered."""

    value: Json


class Fault(Value, frozen=True):
    """The algorithm answered with an error: its stable `code`, its message, and place by place."""

    code: str
    message: str
    problems: tuple[Problem, ...] = ()


class Algorithm(Protocol):
    """An algorithm that can be called."""

    def call(self, value: Json) -> Answer | Fault:
        """Call it once.

        Raises:
            AlgoError: Nothing answers any more.
        """

    def declared(self) -> Declared:
        """Return what its annotations declare of input and result.

        Raises:
            AlgoError: Nothing answers any more.
        """


class Suite(Protocol):
    """The project's own tests."""

    def run(self, only: str, notify: Notify) -> tuple[Outcome, ...]:
        """Run the tests whose names hold the words in `only` (empty: all), in their order.

        Raises:
            SuiteFailed: The tests could not be run at all.
        """
