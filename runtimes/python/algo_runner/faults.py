"""Exceptions of user code as the protocol reports them."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def report(error: BaseException, root: Path) -> dict[str, Any]:
    """Return type, message, file, line and stack trace, trimmed to the author's frames.

    `file` is relative to `root` when it lies below; a syntax error points at its own place.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(f"{root}/")]
    file, line = ("", 0) if not own else (own[-1].filename, own[-1].lineno or 0)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    elif not own and isinstance(error, FileNotFoundError) and error.filename:
        file = str(error.filename)
    trace = traceback.TracebackException.from_exception(error)
    if own:
        first = frames.index(own[0])
        trace.stack = traceback.StackSummary.from_list(frames[first:])
    return {
        "error": type(error).__name__,
        "message": _message(error),
        "file": file.removeprefix(f"{root}/"),
        "line": line,
        "stacktrace": "".join(trace.format()).replace(f"{root}/", ""),
    }


def callers_fault(error: BaseException) -> str | None:
    """Return the code of an `AlgorithmError`, None for every other exception.

    The class is known by its name: an algorithm defines its own, so that it imports nothing
    of ours and runs under a plain pytest.
    """
    if not any(kind.__name__ == "AlgorithmError" for kind in type(error).__mro__):
        return None
    return str(getattr(error, "code", None) or "bad_input")


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg or "invalid syntax"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename} is not there"
    if isinstance(error, SystemExit):
        return f"the code called exit({error.code!r})"
    return str(error) or type(error).__name__
