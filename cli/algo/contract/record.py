"""The contract of a version as a document: schema, error codes and what the cases showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from algo.contract.case import AnyCase, Case, Refuses
from algo.contract.declared import Declared
from algo.contract.errors import ContractInvalid
from algo.contract.interface import Answer, Fault
from algo.contract.schema import Schema, infer
from algo.contract.values import Tolerance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE = "application/vnd.algo.contract.v1+json"
FORMAT = 1


class Recorded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A golden case and what this version answered: `output`, or the code of an `error`."""

    id: str
    input: Any
    output: Any = None
    error: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    stable: bool = False

    @property
    def tolerance(self) -> Tolerance:
        """How far numbers of another answer may be apart from this one's."""
        return Tolerance(self.absolute, self.relative)

    @property
    def answer(self) -> Answer | Fault:
        """What was answered; the message of an error is not kept."""
        return Fault(self.error, "") if self.error else Answer(self.output)


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """A labelled set and what its metric came to."""

    id: str
    metric: str
    value: float
    bound: float
    stable: bool = False


class Contract(msgspec.Struct, frozen=True):
    """The public face of a version: `input` and `output` are what the cases showed."""

    input: Schema = Schema()
    output: Schema = Schema()
    errors: tuple[str, ...] = ()
    cases: tuple[Recorded, ...] = ()
    metrics: tuple[Measured, ...] = ()
    format: int = FORMAT
    declared: Declared = Declared()

    def encode(self) -> bytes:
        """Return the document: the same bytes for the same contract."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def decode(cls, data: bytes) -> Contract:
        """Read what `encode` wrote.

        Raises:
            ContractInvalid: It is no contract, or of a later format.
        """
        try:
            contract = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ContractInvalid(f"the contract cannot be read: {error}") from error
        if contract.format != FORMAT:
            raise ContractInvalid(
                f"the contract has the format {contract.format}, this algo knows {FORMAT}",
                hint="pip install --upgrade algo-cli",
            )
        return contract


def record(
    cases: Sequence[AnyCase],
    answers: Mapping[str, Answer | Fault],
    metrics: Sequence[Measured] = (),
    declared: Declared | None = None,
) -> Contract:
    """Return the contract that `cases` show.

    Args:
        cases: All cases of the project.
        answers: What was answered, by the case's id.
        metrics: What the labelled sets came to.
        declared: What the annotations say.
    """
    golden = [case for case in cases if isinstance(case, Case)]
    taken = [case for case in golden if not isinstance(case.check, Refuses)]
    given = [answers[case.id] for case in taken if case.id in answers]
    examples = [e.input for c in cases if not isinstance(c, Case) for e in c.examples]
    codes = {case.check.code for case in golden if isinstance(case.check, Refuses)} - {""}
    return Contract(
        input=infer([*(case.input for case in taken), *examples]),
        output=infer(answer.value for answer in given if isinstance(answer, Answer)),
        errors=tuple(sorted(codes)),
        cases=tuple(_recorded(case, answers[case.id]) for case in golden if case.id in answers),
        metrics=tuple(metrics),
        declared=declared or Declared(),
    )


def _recorded(case: Case, answer: Answer | Fault) -> Recorded:
    return Recorded(
        id=case.id,
        input=case.input,
        output=answer.value if isinstance(answer, Answer) else None,
        error=answer.code if isinstance(answer, Fault) else "",
        absolute=case.tolerance.absolute,
        relative=case.tolerance.relative,
        stable=case.stable,
    )
