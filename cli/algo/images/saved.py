"""What an engine exports of an image: its parts by name, and its layers made reproducible."""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from typing import IO, TYPE_CHECKING

from algo.images.tar import END, write_member
from algo.languages.errors import RuntimeInvalid
from algo.storage.errors import UnsafeArchive
from algo.storage.tar import SYSTEM, Content, Kind, Member, read_tar, shown

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from algo.images.tar import LayerWriter
    from algo.storage.tar import Readable

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31
_CHUNK = 1 << 20
_LARGEST_DOCUMENT = 16 << 20
_LINKS = 8
# A layer of a distribution shrinks to a third or a half. 64 MiB may be anything.
_FREE, _RATIO = 64 << 20, 200


class SavedImage:
    """A docker archive on the disk; use it as a context.

    Args:
        path: The file.

    Raises:
        UnsafeArchive: It is no archive, or holds what none should.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            for member, _ in read_tar(self._file, SYSTEM):
                self._note(member)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> SavedImage:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def document(self, name: str) -> bytes:
        """Return a small part whole.

        Raises:
            RuntimeInvalid: It is not there, or not small.
        """
        content = self.part(name)
        if content.left > _LARGEST_DOCUMENT:
            raise RuntimeInvalid(f"{shown(name)} in the engine's export is {content.left} bytes")
        return b"".join(content)

    def part(self, name: str) -> Content:
        """Return the content of a part, readable until another one is asked for.

        Raises:
            RuntimeInvalid: It is not there.
        """
        # Docker stores a layer that occurs twice as a link.
        found = name
        for _ in range(_LINKS):
            if found not in self._links:
                break
            found = self._links[found]
        place = self._places.get(found)
        if place is None:
            raise RuntimeInvalid(f"the engine's export lacks {shown(name)}")
        self._file.seek(place[0])
        return Content(self._file, place[1], name)

    def _note(self, member: Member) -> None:
        if member.kind == Kind.FILE:
            self._places[member.name] = (self._file.tell(), member.size)
        elif member.kind == Kind.LINK:
            above = posixpath.dirname(member.name)
            self._links[member.name] = posixpath.normpath(posixpath.join(above, member.link))
        elif member.kind == Kind.HARD_LINK:
            self._links[member.name] = posixpath.normpath(member.link)


def plain(content: Content) -> Readable:
    """Return the layer as a tar, unpacked while it is read when it is gzip.

    Raises:
        UnsafeArchive: When it is read: it is damaged, or is out of all proportion.
    """
    start = content.read(len(_GZIP_MAGIC))
    joined = _Joined(start, content)
    return _Inflated(joined) if start == _GZIP_MAGIC else joined


def copy_layer(source: Readable, writer: LayerWriter, *, latest: int) -> None:
    """Copy a layer's tar member by member, with times of `latest` or later taken out.

    Raises:
        UnsafeArchive: It is no tar, or a member leads out of it.
    """
    for member, content in read_tar(source, SYSTEM):
        write_member(_described(member), _reader(content), writer, latest=latest)
    writer.write(END)
    writer.close()


def _described(member: Member) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member.raw_name)
    if member.kind == Kind.FOLDER:
        info.name = member.raw_name.rstrip("/")
    info.type = tarfile.REGTYPE if member.kind == Kind.FILE else member.type.encode()
    if member.kind == Kind.FOLDER:
        info.type = tarfile.DIRTYPE
    info.mode, info.size, info.mtime = member.mode, member.size, member.mtime
    info.uid, info.gid = member.owner
    info.uname, info.gname = member.names
    info.linkname = member.link
    info.devmajor, info.devminor = member.device
    info.pax_headers = member.extended
    return info


def _reader(content: Content) -> IO[bytes] | None:
    return content if content.left else None  # type: ignore[return-value]


class _Joined:
    """Bytes that were read already, then the rest."""

    def __init__(self, start: bytes, rest: Readable) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        """Read on."""
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        return self._rest.read(size)


class _Inflated:
    """A gzip stream, unpacked as far as it is asked for, and no bomb."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(_GZIP)
        self._taken = self._given = 0

    def read(self, size: int, /) -> bytes:
        """Read on."""
        while not self._inflate.eof:
            tail = self._inflate.unconsumed_tail
            data = tail or self._source.read(_CHUNK)
            self._taken += 0 if tail else len(data)
            if not data:
                raise UnsafeArchive("a layer is cut short")
            try:
                found = self._inflate.decompress(data, size)
            except zlib.error as error:
                raise UnsafeArchive(f"a layer cannot be unpacked: {error}") from error
            self._given += len(found)
            if self._given > max(_FREE, self._taken * _RATIO):
                raise UnsafeArchive(f"a layer of {self._taken} bytes unpacks to over {self._given}")
            if found:
                return found
        return b""
