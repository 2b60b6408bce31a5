"""Bodies that a client compressed (RFC 9110, section 8.4), unpacked within the limit."""

from __future__ import annotations

import asyncio
import zlib

from algo_gateway.calls.call import Failure

KNOWN = ("gzip", "x-gzip", "deflate")
# zlib finds out by itself whether it reads gzip's header or its own.
_EITHER = zlib.MAX_WBITS | 32
# A body over this would keep the event loop from everybody else.
_LARGE = 1 << 16


async def unpacked(body: bytes, encoding: str, most: int) -> bytes | None:
    """Return `body` without its `encoding`; None when that is more than `most` bytes.

    Raises:
        Failure: 415, the encoding is none that we know; 400, the body has another.
    """
    names = [name for part in encoding.lower().split(",") if (name := part.strip()) != "identity"]
    if not names:
        return body
    if len(names) > 1 or names[0] not in KNOWN:
        what = f"the body's content-encoding is {encoding!r}"
        hint = "send it as gzip, as deflate, or as it is"
        raise Failure(415, "unknown_encoding", what, hint=hint)
    if len(body) < _LARGE:
        return _unpack(body, names[0], most)
    return await asyncio.to_thread(_unpack, body, names[0], most)


def _unpack(body: bytes, name: str, most: int) -> bytes | None:
    unpack = zlib.decompressobj(_EITHER)
    try:
        data = unpack.decompress(body, most + 1)
    except zlib.error as error:
        raise Failure(400, "malformed_body", f"the body is no {name}: {error}") from error
    if len(data) > most:
        return None
    if not unpack.eof or unpack.unused_data:
        what = "it is cut short" if not unpack.eof else "something follows its end"
        raise Failure(400, "malformed_body", f"the body is no {name}: {what}")
    return data
