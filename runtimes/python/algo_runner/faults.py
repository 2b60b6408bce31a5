"""Exceptions of user code as the protocol reports them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from algo_runner.algorithm import BadSignature

# A header has at most 1 MiB, and nobody reads more than this.
LONGEST_MESSAGE = 10_000
LONGEST_TRACE = 100_000
_OURS = f"{Path(__file__).resolve().parent.parent}/"


def report(error: BaseException, root: Path) -> dict[str, Any]:
    """Return type, message, file, line and stack trace, trimmed to the author's frames.

    `file` is relative to `root` when it lies below; a syntax error points at its own place.
    """
    try:
        return _told(error, root)
    except BaseException as broken:
        return _mute(broken, root)


def _mute(broken: BaseException, root: Path) -> dict[str, Any]:
    """Return the report of an error whose own members raise: what made them fail."""
    what = "the error cannot tell what it is"
    try:
        found = _told(broken, root)
    except BaseException:  # and so do those of what they raise
        return {"error": "Exception", "message": what, "file": "", "line": 0, "stacktrace": what}
    return {**found, "message": f"{what}: {found['message']}"}


def _told(error: BaseException, root: Path) -> dict[str, Any]:
    below = f"{root}/"
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(below)
    ]
    file, line = ("", 0) if not own else (own[-1].filename, own[-1].lineno or 0)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    elif not own and isinstance(error, FileNotFoundError) and error.filename:
        file = str(error.filename)
    elif isinstance(error, BadSignature) and error.filename.startswith(below):
        file, line = error.filename, error.lineno
    return {
        "error": _kind(error),
        "message": _message(error, below),
        "file": file.removeprefix(below),
        "line": line,
        "stacktrace": _stacktrace(error, below),
    }


def callers_fault(error: BaseException) -> str | None:
    """Return the code of an `AlgorithmError`, None for every other exception.

    The class is known by its name: an algorithm defines its own, so that it imports nothing
    of ours and runs under a plain pytest. `AlgorithmException` is Algorithmia's.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names.isdisjoint({"AlgorithmError", "AlgorithmException"}):
        return None
    try:
        code = getattr(error, "code", None) or getattr(error, "error_type", None)
        return str(code or "bad_input")[:200]
    except BaseException:  # a property of the author's: his fault
        return None


def _kind(error: BaseException) -> str:
    """Return the name of an exception's class, or the `error_type` that Algorithmia's has."""
    told = getattr(error, "error_type", None)
    return told[:200] if isinstance(told, str) and told else type(error).__name__


def _stacktrace(error: BaseException, below: str) -> str:
    whole = traceback.TracebackException.from_exception(error, compact=True)
    traces: list[traceback.TracebackException | None] = [whole]
    while traces:
        trace = traces.pop()
        if trace is not None:
            trace.stack = _trimmed(trace.stack, below)
            held = getattr(trace, "exceptions", None) or ()  # of a group
            traces += [trace.__cause__, trace.__context__, *held]
    text = "".join(whole.format()).replace(below, "")
    return text if len(text) <= LONGEST_TRACE else f"…{text[-LONGEST_TRACE:]}"


def _trimmed(stack: traceback.StackSummary, below: str) -> traceback.StackSummary:
    """Leave out what comes before the author's first frame, what is ours, and what ours called.

    Where none is the author's, what is ours and the import machinery.
    """
    frames = list(stack)
    first = next((at for at, one in enumerate(frames) if one.filename.startswith(below)), None)
    if first is None:
        kept = [
            frame
            for frame in frames
            if not frame.filename.startswith((_OURS, "<frozen importlib"))
            and not frame.filename.endswith(("importlib/__init__.py", "/ast.py"))
        ]
        return traceback.StackSummary.from_list(kept)
    kept, ours = [], False
    for frame in frames[first:]:
        if frame.filename.startswith((below, _OURS)):
            ours = not frame.filename.startswith(below)
        if not ours:
            kept.append(frame)
    return traceback.StackSummary.from_list(kept)


def _message(error: BaseException, below: str) -> str:
    if isinstance(error, SyntaxError):
        return error.msg or "invalid syntax"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{str(error.filename).removeprefix(below)} is not there"
    if isinstance(error, SystemExit):
        return f"the code called exit({error.code!r})"
    if isinstance(error, MemoryError) and not error.args:
        return "the code asked for more memory than there is"
    try:
        text = str(error)
    except Exception:  # an author's __str__ may fail, too
        text = ""
    return text[:LONGEST_MESSAGE] or type(error).__name__
