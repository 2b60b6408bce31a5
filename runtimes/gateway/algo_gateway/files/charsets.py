"""Text in another charset, made UTF-8: each language knows others, and by other names."""

from __future__ import annotations

import codecs
import re

from algo_gateway.calls.aside import aside
from algo_gateway.calls.call import Failure

JSON = "application/json"
# The second is what plain `curl -d` claims to send.
JSON_KINDS = (JSON, "application/x-www-form-urlencoded", "")
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]*)\s*')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")
# Python has codecs that are no charset, or whose time grows with the square of a text's length.
_NONE = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
)
_OURS = frozenset({"utf-8", "utf-8-sig"})
_HINT = "send it as UTF-8, and say charset=utf-8"


async def in_utf8(kind: str, body: bytes) -> tuple[str, bytes]:
    """Return content type and body of text or JSON with the body in UTF-8, others as they are.

    What claims to be UTF-8 is left to the reader, who tells the place of an error.

    Raises:
        Failure: 415, there is no such charset; 400, the body is in another one.
    """
    if "charset" not in kind.lower() or not _is_text(kind):
        return kind, body
    return await aside(len(body), recoded, kind, body)


def recoded(kind: str, body: bytes) -> tuple[str, bytes]:
    """Do as `in_utf8`, at once."""
    parameters = _PARAMETER.findall(kind)
    named = next((value for name, value in parameters if name.lower() == "charset"), "").strip('"')
    if not named or not _is_text(kind):
        return kind, body
    rest = [f"; {name}={value}" for name, value in parameters if name.lower() != "charset"]
    kind = kind.partition(";")[0].strip() + "".join(rest)
    codec = _codec(named)
    if codec.name in _OURS:
        return kind, body
    try:
        text, _ = codec.decode(body, "strict")
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        message = f"the body is not {named}, as its content-type says{place}"
        raise Failure(400, "not_in_charset", message, hint=_HINT) from error
    # Surrogates: UTF-16 and 32 have none alone, but some codecs let them through.
    return kind, text.encode("utf-8", "replace")


def _codec(named: str) -> codecs.CodecInfo:
    try:
        found = codecs.lookup(named) if _NAME.fullmatch(named) else None
    except (LookupError, ValueError):
        found = None
    # The mark of a codec of text is what `bytes.decode` goes by, too.
    if found is None or found.name in _NONE or not getattr(found, "_is_text_encoding", True):
        message = f"the body's content-type has an unknown charset: {named[:100]!r}"
        raise Failure(415, "unknown_charset", message, hint=_HINT)
    return found


def _is_text(kind: str) -> bool:
    name = kind.partition(";")[0].strip().lower()
    return name.startswith("text/") or name in JSON_KINDS or name.endswith("+json")
