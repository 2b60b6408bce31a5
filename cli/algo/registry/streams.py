"""Bytes on their way: read from any source, verified while they pass."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import Notify, Progress
from algo.oci.digest import CHUNK, Digest
from algo.registry.errors import BlobCorrupted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from algo.oci.descriptor import Descriptor
    from algo.registry.interface import Source

STEP = 16 << 20


def chunks_of(source: Source) -> Iterator[bytes]:
    """Yield the bytes of `source` from its start, a MiB at a time."""
    if isinstance(source, bytes):
        yield from (source[start : start + CHUNK] for start in range(0, len(source), CHUNK))
    elif isinstance(source, Path):
        with source.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    else:
        yield from source()


def verifying(
    pieces: Iterable[bytes], wanted: Descriptor, where: str, hint: str | None = None
) -> Iterator[bytes]:
    """Yield `pieces`, and raise in place of the end when they are not what `wanted` says.

    Raises:
        BlobCorrupted: They have another size or digest; too many stop at once.
    """
    hasher = hashlib.sha256()
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > wanted.size:
            raise BlobCorrupted.of(
                wanted.digest, where, f"it is over {wanted.size} bytes long", hint
            )
        hasher.update(piece)
        yield piece
    if size != wanted.size:
        raise BlobCorrupted.of(wanted.digest, where, f"it has {size} of {wanted.size} bytes", hint)
    found = Digest(hasher.hexdigest())
    if found != wanted.digest:
        raise BlobCorrupted.of(wanted.digest, where, f"it has the digest {found}", hint)


def reporting(
    pieces: Iterable[bytes], text: str, total: int, notify: Notify, *, start: int = 0
) -> Iterator[bytes]:
    """Yield `pieces` and tell `notify` how far they are, up to every 16 MiB."""
    done = told = start
    step = min(max(total // 100, CHUNK), STEP)
    for piece in pieces:
        yield piece
        done += len(piece)
        if done - told >= step:
            told = done
            notify(Progress(text, done, total))
    notify(Progress(text, done, total))
