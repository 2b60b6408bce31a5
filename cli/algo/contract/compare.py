"""The difference between two contracts, and the smallest version step it asks for."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from algo.contract.interface import Fault
from algo.contract.values import EXACT, first_difference
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from algo.contract.interface import Algorithm, Answer
    from algo.contract.record import Contract, Measured, Recorded
    from algo.contract.schema import Schema


class Level(StrEnum):
    """A step of a semantic version, the smallest first."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class Finding(Value, frozen=True):
    """One difference.

    Args:
        rule: A stable name, such as `output_removed`.
        path: Where: `input.image`, `output.digit`, or the id of a case.
        level: The step it asks for.
        text: The difference in one line.
    """

    rule: str
    path: str
    level: Level
    text: str


def compare(old: Contract, new: Contract) -> tuple[Finding, ...]:
    """Return how the schema, the error codes and the metrics of `new` differ from `old`."""
    before, after = old.declared, new.declared
    # What the cases showed counts where one of the versions declares nothing: the two kinds
    # of schema say different things of the same algorithm.
    taken = (before.input, after.input)
    taken = taken if all(side.known for side in taken) else (old.input, new.input)
    given = (before.output, after.output)
    given = given if all(side.known for side in given) else (old.output, new.output)
    return (
        *_schemas(*taken, "input"),
        *_schemas(*given, "output"),
        *_errors(old.errors, new.errors),
        *_metrics(old.metrics, new.metrics),
    )


def replay(old: Contract, algorithm: Algorithm) -> dict[str, Answer | Fault]:
    """Call `algorithm` with the inputs of the golden cases of `old`; return answers by id."""
    return {case.id: algorithm.call(case.input) for case in old.cases}


def compare_answers(
    old: Iterable[Recorded], answers: Mapping[str, Answer | Fault]
) -> tuple[Finding, ...]:
    """Return which of the cases of `old` are answered differently now.

    Args:
        old: The cases of the last version with its answers.
        answers: What `replay` returned.
    """
    found: list[Finding] = []
    for case in old:
        text = _changed(case, answers[case.id])
        if text:
            level = Level.MAJOR if case.stable else Level.MINOR
            found.append(Finding("case_answer_changed", case.id, level, text))
    return tuple(found)


def minimum_bump(findings: Iterable[Finding]) -> Level:
    """Return the largest step that any finding asks for, `patch` when there is none."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.PATCH)


def _changed(case: Recorded, now: Answer | Fault) -> str:
    before = case.answer
    if isinstance(before, Fault) and isinstance(now, Fault):
        if before.code == now.code:
            return ""
        return f"the error was {before.code}, is {now.code}"
    if isinstance(before, Fault) or isinstance(now, Fault):
        was = f"the error {before.code}" if isinstance(before, Fault) else "an answer"
        has = f"the error {now.code}" if isinstance(now, Fault) else "an answer"
        return f"was {was}, is {has}"
    difference = first_difference(before.value, now.value, case.tolerance)
    return str(difference) if difference else ""


def _schemas(old: Schema, new: Schema, path: str) -> Iterator[Finding]:
    """Compare what is known on both sides; what was never seen says nothing."""
    if not old.known or not new.known:
        return
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _bounds(old, new, path)
    for key in sorted({*old.properties, *new.properties}):
        yield from _property(old, new, key, path)
    if old.items is not None and new.items is not None:
        yield from _schemas(old.items, new.items, f"{path}[]")


def _types(old: Schema, new: Schema, path: str) -> Iterator[Finding]:
    gone = [name for name in old.type if not _covers(new.type, name)]
    added = [name for name in new.type if not _covers(old.type, name)]
    if gone:
        yield _step(path, narrower=True, text=f"is no {' or '.join(gone)} any more")
    if added:
        yield _step(path, narrower=False, text=f"may now be {' or '.join(added)}")


def _values(old: Schema, new: Schema, path: str) -> Iterator[Finding]:
    """Compare the values of enumerations; a closed list is narrower than an open one."""
    gone = [value for value in old.enum if value not in new.enum] if new.enum else []
    added = [value for value in new.enum if value not in old.enum] if old.enum else []
    if new.enum and not old.enum:
        yield _step(path, narrower=True, text=f"is only {_listed(new.enum)} now")
    elif old.enum and not new.enum:
        yield _step(path, narrower=False, text=f"is no longer only {_listed(old.enum)}")
    if gone and old.enum:
        yield _step(path, narrower=True, text=f"is never {_listed(gone)} any more")
    if added and new.enum:
        yield _step(path, narrower=False, text=f"may now be {_listed(added)}")


_LOWER = ("minimum", "exclusive_minimum", "min_length", "min_items")
_UPPER = ("maximum", "exclusive_maximum", "max_length", "max_items")


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[Finding]:
    for name in (*_LOWER, *_UPPER):
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        word = name.replace("_", " ")
        text = f"has the {word} {after:g} now" if after is not None else f"has no {word} any more"
        sign = 1 if name in _LOWER else -1
        narrower = after is not None and (before is None or sign * after > sign * before)
        yield _step(path, narrower=narrower, text=text)
    if old.pattern != new.pattern:
        if new.pattern:
            yield _step(path, narrower=True, text=f"must match {new.pattern} now")
        if old.pattern:
            yield _step(path, narrower=False, text=f"need not match {old.pattern} any more")


def _step(path: str, *, narrower: bool, text: str) -> Finding:
    """Return the finding of a side that allows less, or more, than it did."""
    given = path.startswith("input")
    rule = f"{'input' if given else 'output'}_{'narrowed' if narrower else 'widened'}"
    return Finding(rule, path, Level.MAJOR if narrower == given else Level.MINOR, text)


def _listed(values: Iterable[object]) -> str:
    return " or ".join(json.dumps(value) for value in values)[:200]


def _property(old: Schema, new: Schema, key: str, path: str) -> Iterator[Finding]:
    here = f"{path}.{key}"
    given = path.startswith("input")
    before, after = old.properties.get(key), new.properties.get(key)
    if before is None:
        if "object" not in old.type:
            return
        required = given and key in new.required
        rule = f"required_{'input' if given else 'output'}_added" if required else "added"
        rule = rule if required else f"{'input' if given else 'output'}_added"
        yield Finding(rule, here, Level.MAJOR if required else Level.MINOR, "is new")
        return
    if after is None:
        if "object" in new.type:
            rule = "input_removed" if given else "output_removed"
            yield Finding(rule, here, Level.MAJOR, "is gone")
        return
    was, now = key in old.required, key in new.required
    if was != now:
        # Giving more than was promised, or asking for less, breaks nobody.
        kind = "required" if now else "optional"
        level = Level.MAJOR if now == given else Level.MINOR
        yield Finding(f"{'input' if given else 'output'}_now_{kind}", here, level, f"is {kind} now")
    yield from _schemas(before, after, here)


def _covers(types: tuple[str, ...], name: str) -> bool:
    return name in types or (name == "integer" and "number" in types)


def _errors(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Finding]:
    for code in sorted({*old} - {*new}):
        yield Finding("error_removed", code, Level.MAJOR, "no case shows this error any more")
    for code in sorted({*new} - {*old}):
        yield Finding("error_added", code, Level.MINOR, "is a new error")


def _metrics(old: Iterable[Measured], new: Iterable[Measured]) -> Iterator[Finding]:
    now = {measured.id: measured for measured in new}
    for before in old:
        after = now.get(before.id)
        if after is None or after.metric != before.metric:
            continue
        if first_difference(before.value, after.value, EXACT):
            level = Level.MAJOR if before.stable else Level.MINOR
            text = f"{before.metric} was {before.value:.4f}, is {after.value:.4f}"
            yield Finding("metric_changed", before.id, level, text)
