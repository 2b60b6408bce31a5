"""A value in parts (runtimes/README.md): how a form or fetched files reach a runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = "application/vnd.algo.parts"
Path = tuple[str | int, ...]


class Part(msgspec.Struct, frozen=True):
    """A piece of the value: where it goes in it, what it is, and its name as a file, if it has one.

    The empty path is the whole value; it comes first.
    """

    path: Path
    content_type: str
    content: bytes
    filename: str = ""


def joined(parts: Sequence[Part]) -> bytes:
    """Return the body of a request that has `parts`."""
    told = [
        {
            "path": part.path,
            "content_type": part.content_type,
            "length": len(part.content),
            "filename": part.filename,
        }
        for part in parts
    ]
    head = msgspec.json.encode(told)
    return b"".join(
        [len(head).to_bytes(4, "little"), head, *(part.content for part in parts)],
    )
