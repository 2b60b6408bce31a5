"""What a reload came to, as the control endpoint says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from algo_gateway.wire.frames import Reply


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error of the author's code; `file` is relative to the project, `hint` what to do."""

    type: str
    message: str
    file: str = ""
    line: int = 0
    stacktrace: str = ""
    hint: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """The rung that was taken (`swap`, `worker`), or the error that kept the old code."""

    ok: bool
    rung: str = "none"
    milliseconds: float = 0.0
    error: Fault | None = None


def fault_of(problem: Reply | Failure) -> Fault:
    """Return the fault that a runner's `load_error`, or a dead process, tells of."""
    if isinstance(problem, Failure):
        return Fault(problem.code, problem.message)
    place = (problem.file, problem.line)
    return Fault(problem.error, problem.message, *place, problem.stacktrace, problem.hint)
