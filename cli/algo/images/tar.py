"""Write a layer's tar the same on every machine, and hash it on the way."""

from __future__ import annotations

import hashlib
import tarfile
from typing import IO, TYPE_CHECKING, Protocol

from algo.images.errors import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from algo.images.tree import Entry

# ISA-L's output depends on how the input is cut, so it is always cut here.
CHUNK = 1 << 20
COMPRESSOR = "isal-2"
_LEVEL, _GZIP = 2, 31
_TIMES = frozenset({"mtime", "atime", "ctime"})
END = bytes(2 * tarfile.BLOCKSIZE)
# Of a header without extensions: the longest name, sizes that fit, and what follows the checksum.
_NAME, _SIZE, _AFTER = 100, 8**11, tarfile.BLOCKSIZE - 155


class _Hash(Protocol):
    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class LayerWriter:
    """Receives a tar stream, writes it plain or as gzip, and knows both digests and sizes.

    A chunk that is full is hashed and compressed on other threads while the next one is filled.
    """

    def __init__(self, file: IO[bytes], *, compress: bool) -> None:
        self._file = file
        self._tar: _Hash = hashlib.sha256()
        self._blob: _Hash = hashlib.sha256()
        self._chunk, self._spare, self._filled = bytearray(CHUNK), bytearray(CHUNK), 0
        self._compressor = _compressor() if compress else None
        self._beside: _Beside | None = None
        self.size = self.unpacked = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes of the tar."""
        left = memoryview(data)
        while len(left) >= CHUNK - self._filled:
            room = CHUNK - self._filled
            self._chunk[self._filled :] = left[:room]
            left = left[room:]
            self._hand_over()
        end = self._filled + len(left)
        self._chunk[self._filled : end] = left
        self._filled = end

    def close(self) -> None:
        """Write what is left; the digests are final from here on."""
        if self._beside is not None:
            self._beside.end()
        with memoryview(self._chunk)[: self._filled] as last:
            self._hash(last)
            self._store(last)
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

    def _hand_over(self) -> None:
        if self._beside is None:
            self._beside = _Beside(2)
        self._beside.wait()
        full = self._chunk
        self._beside.do(lambda: self._hash(full), lambda: self._store(full))
        self._chunk, self._spare = self._spare, full
        self._filled = 0

    def _hash(self, chunk: bytearray | memoryview) -> None:
        self._tar.update(chunk)
        self.unpacked += len(chunk)

    def _store(self, chunk: bytearray | memoryview) -> None:
        self._emit(chunk if self._compressor is None else self._compressor.compress(chunk))

    def _emit(self, data: bytes | bytearray | memoryview) -> None:
        if self._compressor is not None:
            self._blob.update(data)
        self._file.write(data)
        self.size += len(data)


class _Beside:
    """Threads for what leaves Python's lock alone: hashing, compressing, writing."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._pool = ThreadPoolExecutor(count)
        self._begun: list[Future[None]] = []

    def do(self, *calls: Callable[[], None]) -> None:
        """Begin `calls`, each on a thread."""
        self._begun = [self._pool.submit(call) for call in calls]

    def wait(self) -> None:
        """Wait for what was begun; what went wrong there is raised here."""
        for one in self._begun:
            one.result()

    def end(self) -> None:
        """Wait, and let the threads go."""
        self.wait()
        self._pool.shutdown()


class _Compressor(Protocol):
    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes: ...

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
        for parent in _parents(entry.path, done):
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


def _parents(path: str, done: set[str]) -> list[str]:
    """Return the folders above `path` that are not among `done`, from the top down."""
    found: list[str] = []
    above = path.rpartition("/")[0]
    while above and above not in done:
        found.append(above)
        above = above.rpartition("/")[0]
    return found[::-1]


def _header(path: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> bytes:
    name = f"{path}/" if kind == tarfile.DIRTYPE else path
    if name.isascii() and link.isascii() and max(len(name), len(link)) <= _NAME and size < _SIZE:
        return _short(name.encode(), kind, mode, size, link.encode())
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _short(name: bytes, kind: bytes, mode: int, size: int, link: bytes) -> bytes:
    """Return what tarfile makes of an entry that needs no extension (pax(1)), eight times as fast.

    The checksum is taken with blanks in its place; owner, group and time are 0 and have no names.
    """
    begin = b"%b%07o\x000000000\x000000000\x00%011o\x0000000000000\x00" % (
        name.ljust(_NAME, b"\0"),
        mode,
        size,
    )
    end = b" %b%bustar\x0000" % (kind, link.ljust(_NAME, b"\0"))
    total = sum(begin) + 7 * ord(" ") + sum(end)
    return b"%b%06o\0%b" % (begin, total, end.ljust(_AFTER, b"\0"))


def _content(source: Path | bytes, size: int) -> Iterator[bytes]:
    left = size
    if isinstance(source, bytes):
        if source:
            yield source
        left = 0
    else:
        with source.open("rb", buffering=0) as file:
            while left and (chunk := file.read(min(CHUNK, left))):
                yield chunk
                left -= len(chunk)
    if left:
        raise UnreadableFile(f"{source!s} became shorter while it was read")
    if size % tarfile.BLOCKSIZE:
        yield bytes(-size % tarfile.BLOCKSIZE)
