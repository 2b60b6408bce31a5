"""HTTP answers: our own error document, and Algorithmia's shapes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from algo_gateway.calls.call import Failure, Result

Headers = list[tuple[str, str]]
JSON: Headers = [("content-type", "application/json")]


class ErrorDetails(msgspec.Struct, omit_defaults=True):
    """What went wrong; `stacktrace` only in development.

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
        hint=problem.hint,
        problems=list(problem.problems),
        stacktrace=problem.stacktrace if development else "",
    )
    return headers, msgspec.json.encode(ErrorDocument(details))


def error(code: str, message: str) -> bytes:
    """Return the body of an error answer that has a code and a message alone."""
    return msgspec.json.encode(ErrorDocument(ErrorDetails(code=code, message=message)))


def algorithmia(result: Result, seconds: float) -> bytes:
    """Return a result in Algorithmia's shape: `{"result", "metadata"}`."""
    kind = result.content_type.partition(";")[0]
    if kind == "application/json":
        name, body = "json", result.body
    elif kind.startswith("text/"):
        name, body = "text", msgspec.json.encode(result.body.decode(errors="replace"))
    else:
        name, body = "binary", msgspec.json.encode(base64.b64encode(result.body).decode())
    metadata = msgspec.json.encode({"content_type": name, "duration": round(seconds, 6)})
    return b'{"result":' + body + b',"metadata":' + metadata + b"}"
