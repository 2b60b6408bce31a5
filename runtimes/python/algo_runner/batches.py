"""A batch: several calls that one `apply_batch` answers, each with a result or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_runner.capture import current_call
from algo_runner.frames import Header, ProtocolError
from algo_runner.values import BadResult, decode

if TYPE_CHECKING:
    from algo_runner.worker import Worker

Calls = list[tuple[Header, Any]]


def answer(worker: Worker, header: Header, body: bytes) -> None:
    """Answer each call of a `batch` frame, or the one of a `call` frame."""
    _apply(worker, decoded(worker, header, body))
    current_call.set(None)


async def answer_async(worker: Worker, header: Header, body: bytes) -> None:
    """Answer the same for an `async` function."""
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
    calls: Calls = []
    for call, part in parts:
        try:
            calls.append((call, decode(part, call.get("content_type", ""))))
        except BaseException as error:
            worker.failed(call, error)
    return calls


def _apply(worker: Worker, calls: Calls) -> None:
    if not calls:
        return
    try:
        results = worker.loaded.call(_inputs(calls))
        _settle(worker, calls, results)
    except BaseException as error:
        for alone in _failed(worker, calls, error):
            _apply(worker, alone)


async def _apply_async(worker: Worker, calls: Calls) -> None:
    if not calls:
        return
    try:
        results = await worker.loaded.call(_inputs(calls))
        _settle(worker, calls, results)
    except BaseException as error:
        for alone in _failed(worker, calls, error):
            await _apply_async(worker, alone)


def _inputs(calls: Calls) -> list[Any]:
    # What is printed during a batch belongs to all of its calls, so to none.
    current_call.set(calls[0][0]["id"] if len(calls) == 1 else None)
    return [value for _, value in calls]


def _settle(worker: Worker, calls: Calls, results: Any) -> None:
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
