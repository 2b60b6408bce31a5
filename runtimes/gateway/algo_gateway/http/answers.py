"""HTTP answers: our own error document, and Algorithmia's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from algo_gateway.calls.call import Failure, Result

Headers = list[tuple[str, str]]
JSON: Headers = [("content-type", "application/json")]


class ErrorDetails(msgspec.Struct, omit_defaults=True):
    """What went wrong; `stacktrace`, and a `hint` about an exception, only in development.

    `hint` says what to do about it, `problems` what is wrong with an input, place by place.
    """

    code: str
    message: str
    type: str = ""
    hint: str = ""
    problems: list[Mapping[str, str]] = []
    stacktrace: str = ""


class ErrorDocument(msgspec.Struct):
    """`{"error": …}`."""

    error: ErrorDetails


def failure(problem: Failure, *, development: bool) -> tuple[Headers, bytes]:
    """Return headers and body of an error answer."""
    headers = JSON
    if problem.retry_after:
        headers = [*JSON, ("retry-after", str(problem.retry_after))]
    details = ErrorDetails(
        code=problem.code,
        message=problem.message,
        type=problem.error,
        hint=_hint(problem, development=development),
        problems=list(problem.problems),
        stacktrace=problem.stacktrace if development else "",
    )
    return headers, msgspec.json.encode(ErrorDocument(details))


def _hint(problem: Failure, *, development: bool) -> str:
    """Return what to do about it; about an exception that is for the author alone."""
    return problem.hint if development or problem.code != "exception" else ""


def error(code: str, message: str) -> bytes:
    """Return the body of an error answer that has a code and a message alone."""
    return msgspec.json.encode(ErrorDocument(ErrorDetails(code=code, message=message)))


def algorithmia(result: Result, seconds: float, printed: list[bytes] | None = None) -> bytes:
    """Return a result in Algorithmia's shape: `{"result", "metadata"}`.

    Args:
        result: What `apply` returned.
        seconds: How long it took.
        printed: The lines that it printed, where the client is to see them.
    """
    name, body = as_json(result)
    about: dict[str, object] = {"content_type": name, "duration": round(seconds, 6)}
    if printed is not None:
        about["stdout"] = b"".join(line + b"\n" for line in printed).decode(errors="replace")
    return b'{"result":' + body + b',"metadata":' + msgspec.json.encode(about) + b"}"


def as_json(result: Result) -> tuple[str, bytes]:
    """Return Algorithmia's name for a result's type, and JSON: of bytes their base64."""
    kind = result.content_type.partition(";")[0]
    if kind == "application/json":
        return "json", result.body
    if kind.startswith("text/"):
        return "text", msgspec.json.encode(result.body.decode(errors="replace"))
    return "binary", msgspec.json.encode(result.body)  # msgspec writes bytes as base64


def algorithmia_error(problem: Failure, *, development: bool) -> bytes:
    """Return a failure in Algorithmia's shape.

    `error_type` is the exception's, or our code; the stack trace has two names, because its
    service wrote `stacktrace` and its Python client reads `stack_trace`.
    """
    kind = problem.error if problem.code == "exception" else problem.code
    hint = _hint(problem, development=development)
    text = f"{problem.message}: {hint}" if hint else problem.message
    details = {"message": text, "error_type": kind, "code": problem.code}
    if development and problem.stacktrace:
        details |= {"stacktrace": problem.stacktrace, "stack_trace": problem.stacktrace}
    return msgspec.json.encode({"error": details})
