"""The golden cases of an imported model: what it really answers, as it is now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from algo.contract.case import FOLDER
from algo.contract.interface import Answer, Fault
from algo.contract.values import Json, Tolerance, first_difference, kind
from algo.events import Note
from algo.importing.errors import ExampleRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.contract.interface import Algorithm
    from algo.events import Notify
    from algo.importing.interface import Example

# Another processor adds single precision numbers in another order.
ABSOLUTE, RELATIVE = 1e-5, 1e-4
_REFUSALS = ("invalid_input", "bad_input")
# What an input of hardly any form is: an object of nothing, a list of such objects.
_WRONG: tuple[Json, ...] = ({}, [{}])


class Recorded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case as a file in `cases/` has it."""

    name: str
    input: Any
    expected: Any = msgspec.UNSET
    tolerance: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET
    check: list[dict[str, str]] | msgspec.UnsetType = msgspec.field(
        default=msgspec.UNSET, name="assert"
    )


def record(
    examples: Sequence[Example], algorithm: Algorithm, notify: Notify
) -> tuple[Recorded, ...]:
    """Call `algorithm` with each example, twice, and return the cases that hold what it answered.

    A case of an algorithm that does not answer the same twice only demands the type of its answer.

    Raises:
        ExampleRefused: It answers an example with an error.
        AlgorithmGone: Nothing answers any more.
    """
    recorded = [_recorded(example, algorithm, notify) for example in examples]
    cases = [case for case in recorded if case is not None]
    for wrong in _WRONG:
        refused = algorithm.call(wrong)
        if isinstance(refused, Fault) and refused.code in _REFUSALS:
            cases.append(Recorded("what is missing is told", wrong, error=refused.code))
            break
    return tuple(cases)


def write(cases: Sequence[Recorded], project: Path) -> None:
    """Write `cases` into the folder of golden cases; none are no file."""
    if not cases:
        return
    folder = project / FOLDER
    folder.mkdir(exist_ok=True)
    rows = ",\n".join(f"  {_lines(one)}" for one in cases)
    (folder / "recorded.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def _lines(case: Recorded) -> str:
    document = msgspec.to_builtins(case)
    rows = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in document.items()]
    return "{\n    " + ",\n    ".join(rows) + "\n  }"


def _recorded(example: Example, algorithm: Algorithm, notify: Notify) -> Recorded | None:
    try:
        given, answer = _answered(example, algorithm)
    except ExampleRefused as error:
        if example.wanted:
            raise
        notify(Note(f"{error.message}: no case is recorded; {error.hint}"))
        return None
    again = algorithm.call(given)
    tolerance = Tolerance(ABSOLUTE, RELATIVE)
    if isinstance(again, Answer) and not first_difference(answer.value, again.value, tolerance):
        numbers = {"abs": ABSOLUTE, "rel": RELATIVE} if _has_number(answer.value) else msgspec.UNSET
        return Recorded(example.name, given, expected=answer.value, tolerance=numbers)
    notify(Note(f"{example.name}: it does not answer the same twice; its case demands the type"))
    wanted = kind(answer.value)
    return Recorded(
        example.name,
        given,
        check=[{"path": "", "type": "number" if wanted == "integer" else wanted}],
    )


def _answered(example: Example, algorithm: Algorithm) -> tuple[Json, Answer]:
    said = Fault("", "there is no input to try")
    for given in example.inputs:
        answer = algorithm.call(given)
        if isinstance(answer, Answer):
            return given, answer
        said = answer
    raise ExampleRefused(
        f"the model answers {example.name} with the error {said.code}",
        details=said.message,
        hint="pass --example FILE.json with an input that it takes",
    )


def _has_number(value: Json) -> bool:
    if isinstance(value, list):
        return any(map(_has_number, value))
    if isinstance(value, dict):
        return any(map(_has_number, value.values()))
    return isinstance(value, float)
