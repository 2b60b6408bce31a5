"""Run the golden cases of a project and its own tests."""

from __future__ import annotations

import difflib
import shlex
import time
from typing import TYPE_CHECKING

from algo.contract.case import AnyCase, Case, Labelled
from algo.contract.cases import read_cases
from algo.contract.check import complaint
from algo.contract.compare import compare, compare_answers, replay
from algo.contract.errors import NothingChosen
from algo.contract.interface import Answer, Fault
from algo.contract.metrics import METRICS
from algo.contract.record import Measured, record
from algo.contract.report import CASES, FAILED, PASSED, Outcome, TestReport
from algo.contract.values import NoSuchPath, look_up
from algo.events import Log, Note, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.contract.compare import Finding
    from algo.contract.interface import Algorithm, Check, Suite
    from algo.contract.record import Contract
    from algo.contract.values import Json
    from algo.events import Notify
    from algo.project.project import Project


def run_tests(
    project: Project,
    algorithm: Algorithm,
    suite: Suite | None,
    *,
    notify: Notify,
    only: str = "",
    previous: Contract | None = None,
    own: bool = True,
    check: Check | None = None,
) -> TestReport:
    """Run the cases on `algorithm`, then `suite`; a failure is told to `notify` as it comes.

    Args:
        project: Whose cases to read.
        algorithm: The running algorithm.
        suite: The project's own tests, None when it has none.
        notify: Gets steps, notes and the details of failures.
        only: Run what has all these words in its name; empty runs all.
        previous: The contract of the last version: its cases are called again, and the
            report has the findings.
        own: Whether its own tests are asked for at all.
        check: Refuses the findings, before its own tests are run, unless a case failed.

    Raises:
        CaseInvalid: A file in `cases/` cannot be read; nothing was run.
        NothingChosen: No case and no test has these words.
        SuiteFailed: pytest itself could not run.
        AlgoError: As `check`.
    """
    cases = read_cases(project.root)
    words = only.lower().split()
    chosen = [case for case in cases if all(word in case.id.lower() for word in words)]
    if not cases:
        notify(Note("no golden cases: there is no .json file in cases/"))
    elif chosen:
        notify(Step(f"Running {len(chosen)} golden case{'s' if len(chosen) > 1 else ''}"))
    outcomes: list[Outcome] = []
    answers: dict[str, Answer | Fault] = {}
    metrics: list[Measured] = []
    for case in chosen:
        began = time.perf_counter()
        why, figure = _run(case, algorithm, answers, metrics)
        seconds = time.perf_counter() - began
        outcomes.append(_outcome(case, seconds, why, figure, answers.get(case.id)))
    contract = record(cases, answers, metrics, algorithm.declared())
    findings: tuple[Finding, ...] = ()
    if previous is not None:
        notify(Step(f"Calling the {len(previous.cases)} cases of the last version"))
        now = replay(previous, algorithm)
        findings = compare(previous, contract) + compare_answers(previous.cases, now)
    if check is not None and not any(outcome.broken for outcome in outcomes):
        check(findings)
    if suite is None and own:
        notify(Note("no tests of its own: no file in tests/ or beside the code is one"))
    if suite is not None:
        notify(Step("Running the project's own tests"))
        outcomes += suite.run(only, notify)
    if words and not outcomes and (cases or suite is not None):
        raise _nothing(only, cases)
    _tell(outcomes, notify)
    return TestReport(project.name, tuple(outcomes), contract, findings)


def _outcome(
    case: AnyCase, seconds: float, why: str, figure: str, got: Answer | Fault | None
) -> Outcome:
    problems = got.problems if why and isinstance(got, Fault) else ()
    result, said = (FAILED, why) if why else (PASSED, figure)
    return Outcome(CASES, case.file, case.name, result, seconds, said, problems=problems)


def _nothing(only: str, cases: Sequence[AnyCase]) -> NothingChosen:
    near = difflib.get_close_matches(only, [case.name for case in cases], n=3, cutoff=0.4)
    known = f"; the nearest: {', '.join(map(repr, near))}" if near else ""
    hint = f"algo test -k {shlex.quote(near[0])}" if near else None
    return NothingChosen(f"no case and no test has {only!r} in its name{known}", hint=hint)


def run_case(case: Case, algorithm: Algorithm) -> tuple[Answer | Fault, str]:
    """Call `algorithm` with the input of `case`; return its answer and why it is wrong, if so."""
    answer = algorithm.call(case.input)
    return answer, complaint(case, answer)


def measure(labelled: Labelled, algorithm: Algorithm) -> tuple[float | None, str]:
    """Return the metric over all examples (None when it has none) and what is wrong, if so.

    An error in place of an answer counts as wrong for accuracy; a distance cannot be taken
    from it, so there the metric has no value.
    """
    metric = METRICS[labelled.metric]
    pairs: list[tuple[Json, Json]] = []
    first = ""
    for number, example in enumerate(labelled.examples, start=1):
        got, why = _part(algorithm.call(example.input), labelled.path)
        unusable = why or (metric.numeric and not _is_number(got) and "the answer is no number")
        if unusable and metric.numeric:
            return None, f"example {number}: {unusable}"
        first = first or (f"; example {number}: {why}" if why else "")
        pairs.append((example.label, _WRONG if why else got))
    value = metric.compute(pairs)
    if metric.within(value, labelled.bound):
        return value, ""
    side = "below the floor" if metric.bound == "floor" else "above the ceiling"
    text = f"{labelled.metric} {value:.4f} of {len(pairs)} is {side} {labelled.bound:g}"
    return value, text + first


# What no label equals: labels are read from JSON, which has no NaN.
_WRONG = float("nan")


def _run(
    case: AnyCase,
    algorithm: Algorithm,
    answers: dict[str, Answer | Fault],
    metrics: list[Measured],
) -> tuple[str, str]:
    """Run one case, keep what was seen, return why it failed and a figure worth showing."""
    if isinstance(case, Case):
        answers[case.id], why = run_case(case, algorithm)
        return why, ""
    value, why = measure(case, algorithm)
    if value is None:
        return why, ""
    metrics.append(Measured(case.id, case.metric, value, case.bound, case.stable))
    return why, f"{case.metric} {value:.4f} of {len(case.examples)}"


def _part(answer: Answer | Fault, path: str) -> tuple[Json, str]:
    if isinstance(answer, Fault):
        return None, f"answered with the error {answer.code}: {answer.message}"
    try:
        return look_up(answer.value, path), ""
    except NoSuchPath as error:
        return None, str(error)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tell(outcomes: Sequence[Outcome], notify: Notify) -> None:
    for outcome in outcomes:
        if outcome.broken and outcome.details:
            for line in [f"{outcome.group}: {outcome.name}", *outcome.details.splitlines()]:
                notify(Log(line))
