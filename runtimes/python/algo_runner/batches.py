"""A batch: several calls that one `apply_batch` answers, each with a result or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_runner.capture import current_call
from algo_runner.frames import Header, ProtocolError
from algo_runner.traces import enter, leave
from algo_runner.values import BadResult

if TYPE_CHECKING:
    from algo_runner.worker import Worker

Calls = list[tuple[Header, Any]]


def answer(worker: Worker, header: Header, body: bytes) -> None:
    """Answer each call of a `batch` frame, or the one of a `call` frame."""
    # Several calls belong to several traces: only a call by itself continues its own.
    traced = "traceparent" in header
    token = enter(header, alone=True) if traced else None
    _apply(worker, decoded(worker, header, body))
    if traced:
        leave(token)
    current_call.set(None)


async def answer_async(worker: Worker, header: Header, body: bytes) -> None:
    """Answer the same for an `async` function."""
    if "traceparent" in header:
        enter(header, alone=False)
    await _apply_async(worker, decoded(worker, header, body))


def decoded(worker: Worker, header: Header, body: bytes) -> Calls:
    """Return the calls whose bodies are what they say; the others are answered.

    Raises:
        ProtocolError: The lengths do not add up to the body.
    """
    if header["type"] == "call":
        parts = [(header, body)]
    else:
        parts, at = [], 0
        for call in header["calls"]:
            parts.append((call, body[at : at + call["length"]]))
            at += call["length"]
        if at != len(body):
            raise ProtocolError(f"a batch of {at} bytes has a body of {len(body)}")
    read = worker.loaded.read
    calls: Calls = []
    for call, part in parts:
        try:
            calls.append((call, read(part, call.get("content_type", ""))))
        except BaseException as error:
            worker.failed(call, error)
    return calls


def _apply(worker: Worker, calls: Calls) -> None:
    for group in _groups(worker, calls):
        try:
            results = worker.loaded.call(_inputs(worker, group))
            _settle(worker, group, results)
        except BaseException as error:
            for alone in _failed(worker, group, error):
                _apply(worker, alone)


async def _apply_async(worker: Worker, calls: Calls) -> None:
    for group in _groups(worker, calls):
        try:
            results = await worker.loaded.call(_inputs(worker, group))
            _settle(worker, group, results)
        except BaseException as error:
            for alone in _failed(worker, group, error):
                await _apply_async(worker, alone)


def _groups(worker: Worker, calls: Calls) -> list[Calls]:
    """Return the calls that `apply_batch` gets together: all, or those that make one array."""
    stack = worker.loaded.stack
    if stack is None or not calls:
        return [calls] if calls else []
    groups = stack.groups([value for _, value in calls])
    return [[calls[at] for at in group] for group in groups]


def _inputs(worker: Worker, calls: Calls) -> Any:
    # What is printed during a batch belongs to all of its calls, so to none.
    current_call.set(calls[0][0]["id"] if len(calls) == 1 else None)
    values = [value for _, value in calls]
    stack = worker.loaded.stack
    return values if stack is None else stack.join(values)


def _settle(worker: Worker, calls: Calls, results: Any) -> None:
    if worker.loaded.stack is not None:
        results = worker.loaded.stack.split(results)
    try:
        count = len(results)
    except TypeError:
        kind = type(results).__qualname__
        raise BadResult("batch_mismatch", f"the batch returned {kind}, not a list") from None
    if count != len(calls):
        what = f"the batch returned {count} results for {len(calls)} inputs"
        raise BadResult("batch_mismatch", what)
    for (call, _), result in zip(calls, results, strict=True):
        if isinstance(result, BaseException):
            worker.failed(call, result)
            continue
        try:
            worker.piece(call, "result", result)
        except BadResult as error:
            worker.failed(call, error)


def _failed(worker: Worker, calls: Calls, error: BaseException) -> list[Calls]:
    """Answer the only call; of several return each by itself, so that one spoils none."""
    if len(calls) == 1:
        worker.failed(calls[0][0], error)
        return []
    return [[call] for call in calls]
