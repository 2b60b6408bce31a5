"""`multipart/form-data`: its fields and files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.files.charsets import recoded
from algo_gateway.files.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PARTS = 1000
# The parser copies what it has not understood yet: small pieces keep that small.
PIECE = 1 << 18
TEXT, BINARY = "text/plain; charset=utf-8", "application/octet-stream"


def read_form(body: bytes, content_type: str) -> list[Part]:
    """Return the parts of a form: a name that comes several times is a list of them.

    Args:
        body: The request's body.
        content_type: Its content type, which has the boundary.

    Raises:
        Failure: It is no form, has too many parts, or one of them is not in its charset.
    """
    import multipart  # nobody pays for it who gets no forms

    _, options = multipart.parse_options_header(content_type)
    try:
        parser = multipart.PushMultipartParser(
            options.get("boundary", ""), len(body), max_segment_count=MOST_PARTS
        )
        found = list(_segments(parser, body))
    except multipart.ParserLimitReached as error:
        raise _malformed(f"{error}; a form has at most {MOST_PARTS} parts") from error
    except multipart.MultipartError as error:
        raise _malformed(str(error)) from error
    counts, at = Counter(name for name, *_ in found), Counter[str]()
    parts = []
    for name, kind, content, filename in found:
        path: tuple[str | int, ...] = (name,)
        if counts[name] > 1:
            path = (name, at[name])
            at[name] += 1
        parts.append(Part(path, *_in_utf8(name, kind, content), filename))
    return parts


def _segments(parser: Any, body: bytes) -> Iterator[tuple[str, str, bytes, str]]:
    segment: Any = None
    content: list[bytes] = []
    with parser:
        for start in range(0, len(body), PIECE):
            for event in parser.parse(body[start : start + PIECE]):
                if event is None:
                    yield segment.name, _kind(segment), b"".join(content), segment.filename or ""
                elif isinstance(event, bytes | bytearray):
                    content.append(bytes(event))
                else:
                    segment, content = event, []


def _in_utf8(name: str, kind: str, content: bytes) -> tuple[str, bytes]:
    try:
        return recoded(kind, content)
    except Failure as failure:
        message = failure.message.replace("the body", f"the field {name!r}", 1)
        raise Failure(failure.status, failure.code, message, hint=failure.hint) from failure


def _kind(segment: Any) -> str:
    if kind := segment.header("Content-Type"):
        return str(kind)
    return TEXT if segment.filename is None else BINARY


def _malformed(why: str) -> Failure:
    return Failure(400, "malformed_form", f"the body is no form: {why[:200]}")
