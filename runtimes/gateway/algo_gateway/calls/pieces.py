"""The pieces of a stream as bytes: server-sent events, JSON lines, or as they are."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from algo_gateway.calls.call import Result

JSON = "application/json"
EVENTS = "text/event-stream"
JSON_LINES = "application/jsonl"
# What clients call JSON lines.
LINE_TYPES = (JSON_LINES, "application/x-ndjson", "application/ndjson", "application/json-lines")
# A line of an event stream ends with any of these (HTML, 9.2.5 "Parsing an event stream").
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Form(Protocol):
    """How the pieces of one stream are written.

    `quiet` is what may be sent while there is nothing to say, empty for nothing.
    """

    content_type: str
    quiet: bytes

    def piece(self, piece: Result) -> bytes:
        """Return one piece."""

    def error(self, document: bytes) -> bytes:
        """Return the error that ends the stream, empty where there is no place for one."""


class Events:
    """Server-sent events, numbered from 1; bytes are base64 in events called `binary`."""

    content_type = EVENTS
    quiet = b": still there\n\n"

    def __init__(self) -> None:
        self._number = 0

    def piece(self, piece: Result) -> bytes:
        """Return an event."""
        self._number += 1
        kind, body = b"", piece.body
        if is_json(piece.content_type):
            lines = [body]
        elif piece.content_type.startswith("text/"):
            lines = _LINE_END.split(body)
        else:
            kind, lines = b"event: binary\n", [base64.b64encode(body)]
        data = b"".join(b"data: " + line + b"\n" for line in lines)
        return b"id: %d\n%b%b\n" % (self._number, kind, data)

    def error(self, document: bytes) -> bytes:
        """Return an event called `error`."""
        return b"event: error\ndata: " + document + b"\n\n"


class Lines:
    """JSON lines: text is a JSON string, bytes are one in base64; an error is the last line."""

    quiet = b""

    def __init__(self, content_type: str = JSON_LINES) -> None:
        self.content_type = content_type

    def piece(self, piece: Result) -> bytes:
        """Return a line."""
        body = piece.body
        if piece.content_type.startswith("text/"):
            body = msgspec.json.encode(body.decode(errors="replace"))
        elif not is_json(piece.content_type):
            body = msgspec.json.encode(base64.b64encode(body).decode())
        return body + b"\n"

    def error(self, document: bytes) -> bytes:
        """Return the last line: an object with the key `error`."""
        return document + b"\n"


class Plain:
    """The pieces one after the other, under the content type of the first."""

    quiet = b""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type

    def piece(self, piece: Result) -> bytes:
        """Return the piece itself."""
        return piece.body + b"\n" if is_json(piece.content_type) else piece.body

    def error(self, document: bytes) -> bytes:
        """Return nothing: whatever stood here would be taken for the algorithm's own."""
        return b""


def form_of(accept: str, content_type: str) -> Form:
    """Return how a stream is written for a client.

    Args:
        accept: The request's `Accept`.
        content_type: Of the first piece.
    """
    own = JSON_LINES if is_json(content_type) else content_type.partition(";")[0]
    accept = accept.lower()
    likes = {kind: quality(accept, kind) for kind in (own, EVENTS, *LINE_TYPES)}
    best = max(likes.values())
    liked = [kind for kind, much in likes.items() if much == best]
    # What the algorithm yields, as it is, unless something else is asked for by name.
    chosen = next((kind for kind in liked if kind in accept), liked[0]) if best else own
    if chosen == EVENTS:
        return Events()
    if chosen in LINE_TYPES:
        return Lines(chosen)
    return Plain(content_type)


def quality(accept: str, kind: str) -> float:
    """Return how much a lower-case `Accept` likes a media type, 0 to 1 (RFC 9110, 12.5.1)."""
    # The most exact range counts.
    ranges = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    exactness, much = -1, 0.0
    for part in (accept.strip() or "*/*").split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        if name in ranges and ranges.index(name) > exactness:
            exactness, much = ranges.index(name), _weight(parameters)
    return much


def is_json(content_type: str) -> bool:
    """Tell whether a piece of this type is JSON."""
    return content_type.partition(";")[0] == JSON


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
