"""Streams as joblib compresses them, recognised by their first bytes."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 1 << 16


class Unreadable(ValueError):
    """The stream is compressed in a way that is not known here."""


def uncompressed(file: BinaryIO) -> Any:
    """Return a stream of what `file` holds; `file` itself where that is not compressed.

    Raises:
        Unreadable: It is empty, or compressed by LZ4.
    """
    head = file.read(6)
    file.seek(0)
    if not head:
        raise Unreadable("it is empty")
    for magic, opened in _OPENED.items():
        if head.startswith(magic):
            return opened(file)
    if head.startswith(b"\x04\x22\x4d\x18"):
        raise Unreadable("it is compressed by LZ4; dump it again without")
    return file


def _gzip(file: BinaryIO) -> Any:
    import gzip

    return gzip.GzipFile(fileobj=file)


def _bz2(file: BinaryIO) -> Any:
    import bz2

    return bz2.BZ2File(file)


def _lzma(file: BinaryIO) -> Any:
    import lzma

    return lzma.LZMAFile(file)


def _zlib(file: BinaryIO) -> Any:
    return io.BufferedReader(_Zlib(file))


_OPENED: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bz2,
    b"\xfd7zXZ": _lzma,
    b"\x5d\x00\x00": _lzma,
    b"\x78\x01": _zlib,
    b"\x78\x5e": _zlib,
    b"\x78\x9c": _zlib,
    b"\x78\xda": _zlib,
}


class _Zlib(io.RawIOBase):
    """A zlib stream, which the standard library reads as a whole only."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflater = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self._inflater.eof:
            tail = self._inflater.unconsumed_tail or self._file.read(_CHUNK)
            if not tail:
                break
            data = self._inflater.decompress(tail, len(buffer))
        buffer[: len(data)] = data
        return len(data)
