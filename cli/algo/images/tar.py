"""Write a layer's tar the same on every machine, and hash it on the way."""

from __future__ import annotations

import hashlib
import tarfile
from typing import IO, TYPE_CHECKING, Protocol

from algo.images.errors import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from algo.images.tree import Entry

# ISA-L's output depends on how the input is cut, so it is always cut here.
CHUNK = 1 << 20
COMPRESSOR = "isal-2"
_LEVEL, _GZIP = 2, 31
_TIMES = frozenset({"mtime", "atime", "ctime"})
END = bytes(2 * tarfile.BLOCKSIZE)


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class LayerWriter:
    """Receives a tar stream, writes it plain or as gzip, and knows both digests and sizes."""

    def __init__(self, file: IO[bytes], *, compress: bool) -> None:
        self._file = file
        self._tar: _Hash = hashlib.sha256()
        self._blob: _Hash = hashlib.sha256()
        self._pending = bytearray()
        self._compressor = _compressor() if compress else None
        self.size = self.unpacked = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes of the tar."""
        self._pending += data
        while len(self._pending) >= CHUNK:
            self._flush(bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]

    def close(self) -> None:
        """Write what is left; the digests are final from here on."""
        self._flush(bytes(self._pending))
        self._pending.clear()
        if self._compressor is not None:
            self._emit(self._compressor.flush())

    @property
    def diff_id(self) -> str:
        """The SHA-256 of the tar, in hex."""
        return self._tar.hexdigest()

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, in hex."""
        return self._tar.hexdigest() if self._compressor is None else self._blob.hexdigest()

    def _flush(self, chunk: bytes) -> None:
        self._tar.update(chunk)
        self.unpacked += len(chunk)
        self._emit(chunk if self._compressor is None else self._compressor.compress(chunk))

    def _emit(self, data: bytes) -> None:
        if self._compressor is not None:
            self._blob.update(data)
        self._file.write(data)
        self.size += len(data)


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def _compressor() -> _Compressor:
    from isal import isal_zlib

    # With 31 the header has no time, no name and a fixed system byte.
    made: _Compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    return made


def write_layer(entries: Iterable[Entry], writer: LayerWriter) -> None:
    """Write `entries` and the folders above them, sorted, owned by root, without times."""
    for piece in tar_pieces(entries):
        writer.write(piece)
    writer.close()


def tar_pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the tar that `write_layer` writes, in pieces of which none is empty.

    Raises:
        UnreadableFile: A file became shorter while it was read.
    """
    done: set[str] = set()
    for entry in sorted(entries, key=lambda entry: entry.path):
        for parent in _parents(entry.path):
            if parent not in done:
                done.add(parent)
                yield _header(parent, tarfile.DIRTYPE, 0o755)
        if entry.link:
            yield _header(entry.path, tarfile.SYMTYPE, 0o777, link=entry.link)
            continue
        mode = 0o755 if entry.executable else 0o644
        size = entry.size
        yield _header(entry.path, tarfile.REGTYPE, mode, size)
        yield from _content(entry.source, size)
    yield END


def write_member(
    member: tarfile.TarInfo, content: IO[bytes] | None, writer: LayerWriter, *, latest: int
) -> None:
    """Copy a member of another tar; a time of `latest` (seconds since 1970) or later becomes 0.

    Links, devices, owners and extended attributes are kept. The caller writes the end.
    """
    kept = {name: value for name, value in member.pax_headers.items() if name not in _TIMES}
    member.pax_headers = kept
    member.mtime = 0 if member.mtime >= latest else int(member.mtime)
    writer.write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    if content is not None:
        while chunk := content.read(CHUNK):
            writer.write(chunk)
        writer.write(bytes(-member.size % tarfile.BLOCKSIZE))


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _header(path: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(f"{path}/" if kind == tarfile.DIRTYPE else path)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _content(source: Path | bytes, size: int) -> Iterator[bytes]:
    left = size
    if isinstance(source, bytes):
        if source:
            yield source
        left = 0
    else:
        with source.open("rb") as file:
            while left and (chunk := file.read(min(CHUNK, left))):
                yield chunk
                left -= len(chunk)
    if left:
        raise UnreadableFile(f"{source!s} became shorter while it was read")
    if size % tarfile.BLOCKSIZE:
        yield bytes(-size % tarfile.BLOCKSIZE)
