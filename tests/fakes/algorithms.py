"""An algorithm in this process, and a suite whose outcomes are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.contract.declared import Declared
from algo.contract.interface import Answer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.contract.report import Outcome
    from algo.contract.values import Json
    from algo.events import Notify


class Refused(Exception):
    """Raised by a function to answer with an error of this code."""


@dataclass
class FunctionAlgorithm:
    """Calls a function; `seen` holds what it was called with."""

    function: Callable[[Json], Json]
    seen: list[Json] = field(default_factory=list)
    face: Declared = field(default_factory=Declared)

    def call(self, value: Json) -> Answer | Fault:
        """Call the function; what it raises is the fault."""
        self.seen.append(value)
        try:
            return Answer(self.function(value))
        except Refused as error:
            return Fault(str(error), f"refused: {error}")
        except Exception as error:
            return Fault(type(error).__name__, str(error))

    def declared(self) -> Declared:
        """Return what was given."""
        return self.face


@dataclass
class GivenSuite:
    """A suite that came to `outcomes`."""

    outcomes: tuple[Outcome, ...]
    asked: list[str] = field(default_factory=list)

    def run(self, only: str, notify: Notify) -> tuple[Outcome, ...]:
        """Return the outcomes given."""
        self.asked.append(only)
        return self.outcomes
