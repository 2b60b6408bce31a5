"""Read tars that others made: each member checked before anybody sees it, in bounded memory.

`tarfile` is made to read whatever any program ever wrote: it inflates sparse files to any size,
keeps every member, reads headers of any length, and takes the last of two names. Here a tar is
what POSIX says (ustar and pax, with GNU's long names), and everything else is refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import field

from algo.storage.errors import UnsafeArchive
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
_CHUNK = 1 << 20
_PAX, _PAX_ALL, _LONG_NAME, _LONG_LINK = "x", "g", "L", "K"
_LARGEST = 1 << 50


class Kind(StrEnum):
    """What a member is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    HARD_LINK = "hard link"
    DEVICE = "device"
    PIPE = "pipe"


_OF_TYPE = {
    "\0": Kind.FILE,
    "0": Kind.FILE,
    "7": Kind.FILE,
    "1": Kind.HARD_LINK,
    "2": Kind.LINK,
    "3": Kind.DEVICE,
    "4": Kind.DEVICE,
    "5": Kind.FOLDER,
    "6": Kind.PIPE,
}


class Member(Value, frozen=True):
    """A member of a tar.

    Args:
        name: Its path, relative, without `.`, `..` and slashes at the end; empty for the root.
        kind: What it is.
        mode: The permissions, with the bits above them.
        size: The bytes of its content, 0 for what is no file.
        link: Where a link leads, as it was written.
        type: The letter that the header has.
        raw_name: The name as it was written.
        mtime: Seconds since 1970.
        owner: User and group, by number.
        names: User and group, by name.
        device: Major and minor number.
        extended: The pax records, by key.
    """

    name: str
    kind: Kind
    mode: int = 0o644
    size: int = 0
    link: str = ""
    type: str = "0"
    raw_name: str = ""
    mtime: int = 0
    owner: tuple[int, int] = (0, 0)
    names: tuple[str, str] = ("", "")
    device: tuple[int, int] = (0, 0)
    extended: dict[str, str] = field(default_factory=dict)


class Rules(Value, frozen=True):
    """What a tar may hold.

    Args:
        system: Devices, pipes, set-user-id and -group-id bits, extended attributes, names that
            are not UTF-8, hard links, `./` in front of names: what layers of a distribution
            have, and whoever unpacks them knows about.
        members: How many there may be.
        content: The bytes of all files.
        path: The bytes of a path.
        depth: Its parts.
        header: The bytes of a member's extended headers.
    """

    system: bool = False
    members: int = 250_000
    content: int = _LARGEST
    path: int = 2048
    depth: int = 64
    header: int = 1 << 20


# What we make: files, folders and symbolic links of a project.
PROJECT = Rules()
# What an engine exports of a distribution's packages.
SYSTEM = Rules(system=True, members=2_000_000, path=4096, depth=200)


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class Content:
    """The bytes of the member that was read last."""

    def __init__(self, source: Readable, size: int, name: str) -> None:
        self._source = source
        self._name = name
        self.left = size

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that are left by default; none at the end."""
        wanted = self.left if size < 0 else min(size, self.left)
        data = self._source.read(wanted) if wanted else b""
        if wanted and not data:
            raise UnsafeArchive(f"the archive ends within {shown(self._name)}")
        self.left -= len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_CHUNK):
            yield piece


def read_tar(source: Readable, rules: Rules = PROJECT) -> Iterator[tuple[Member, Content]]:
    """Yield the members of a plain tar, each with its content, which is readable until the next.

    All of `source` is read, and what follows the archive's end must be zeros.

    Raises:
        UnsafeArchive: It is no tar, is cut short, or a member breaks `rules`.
        OSError: `source` cannot be read.
    """
    reader = _Reader(source, rules)
    seen = _Seen(rules)
    while (member := reader.next()) is not None:
        seen.add(member)
        content = Content(source, member.size, member.name)
        yield member, content
        for _ in content:
            pass
        reader.exactly(-member.size % BLOCK)
    reader.rest_is_zeros()


def shown(name: str) -> str:
    """Return a name of a member so that it can be shown: short, and without control characters."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 100 else f"{text[:100]}…")


class _Seen:
    """What was there before, to refuse what comes twice or in another spelling."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._members = 0
        self._content = 0
        self._names: dict[str, Kind] = {}

    def add(self, member: Member) -> None:
        self._members += 1
        self._content += member.size
        if self._members > self._rules.members:
            raise UnsafeArchive(f"the archive has over {self._rules.members} members")
        if self._content > self._rules.content:
            raise UnsafeArchive(f"the archive holds over {self._rules.content} bytes")
        before = self._names.get(member.name)
        if before is not None and not before == member.kind == Kind.FOLDER:
            raise UnsafeArchive(f"{shown(member.name)} is in the archive twice")
        self._names[member.name] = member.kind


class _Reader:
    """Reads headers."""

    def __init__(self, source: Readable, rules: Rules) -> None:
        self._source = source
        self._rules = rules

    def next(self) -> Member | None:
        """Return the next member, None at the end."""
        extended: dict[str, str] = {}
        long: dict[str, str] = {}
        told = 0
        while True:
            block = self.exactly(BLOCK)
            if block.count(0) == BLOCK:
                if extended or long:
                    raise UnsafeArchive("the archive ends after a header that describes nothing")
                return None
            header = _Header(block)
            if header.type not in (_PAX, _PAX_ALL, _LONG_NAME, _LONG_LINK):
                return self._member(header, extended, long)
            told += header.size
            if told > self._rules.header:
                raise UnsafeArchive(f"a member has over {self._rules.header} bytes of headers")
            data = self.exactly(header.size)
            self.exactly(-header.size % BLOCK)
            if header.type in (_PAX, _PAX_ALL):
                records = _records(data)
                if header.type == _PAX_ALL and set(records) - {"comment"}:
                    raise UnsafeArchive("the archive has a header that speaks for all members")
                if header.type == _PAX and extended:
                    raise UnsafeArchive("a member has two extended headers")
                extended |= records if header.type == _PAX else {}
            elif header.type in long:
                raise UnsafeArchive("a member has two long names")
            else:
                long[header.type] = _text(data.split(b"\0", 1)[0])

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        data = self._source.read(size) if size else b""
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise UnsafeArchive("the archive is cut short")
            data += more
        return data

    def rest_is_zeros(self) -> None:
        """Read what is left, which must say nothing."""
        self.exactly(BLOCK)
        while data := self._source.read(_CHUNK):
            if data.count(0) != len(data):
                raise UnsafeArchive("something follows the end of the archive")

    def _member(self, header: _Header, extended: dict[str, str], long: dict[str, str]) -> Member:
        if any(key in extended and kind in long for key, kind in _NAMED_TWICE):
            raise UnsafeArchive("a member is named in two ways")
        raw = extended.get("path") or long.get(_LONG_NAME) or header.name
        link = extended.get("linkpath") or long.get(_LONG_LINK) or header.link
        kind = _OF_TYPE.get(header.type)
        if kind is None or any(key.startswith("GNU.sparse") for key in extended):
            raise UnsafeArchive(f"{shown(raw)} is a sparse file, or of a kind that nobody needs")
        if header.type == "\0" and raw.endswith("/"):
            kind = Kind.FOLDER
        size = _decimal(extended["size"], raw) if "size" in extended else header.size
        if kind != Kind.FILE and size:
            raise UnsafeArchive(f"{shown(raw)} is a {kind} with content")
        member = Member(
            name=_relative(raw),
            kind=kind,
            mode=header.mode,
            size=size,
            link=link if kind in (Kind.LINK, Kind.HARD_LINK) else "",
            type=header.type,
            raw_name=raw,
            mtime=_seconds(extended.get("mtime", ""), header.mtime),
            owner=(
                _decimal(extended.get("uid", header.uid), raw),
                _decimal(extended.get("gid", header.gid), raw),
            ),
            names=(extended.get("uname", header.uname), extended.get("gname", header.gname)),
            device=header.device,
            extended=extended,
        )
        _check(member, self._rules)
        return member


_NAMED_TWICE = (("path", _LONG_NAME), ("linkpath", _LONG_LINK))


class _Header:
    """A header block."""

    def __init__(self, block: bytes) -> None:
        told = _number(block[148:156])
        if told != sum(block[:148]) + 8 * 32 + sum(block[156:]):
            raise UnsafeArchive("the archive is no tar, or a header of it is damaged")
        posix = block[257:263] == b"ustar\0"
        name, prefix = _string(block[:100]), _string(block[345:500]) if posix else ""
        self.name = f"{prefix}/{name}" if prefix else name
        self.mode = _number(block[100:108]) & 0o7777
        self.uid, self.gid = _number(block[108:116]), _number(block[116:124])
        self.size = _number(block[124:136])
        self.mtime = _number(block[136:148], signed=True)
        self.type = chr(block[156])
        self.link = _string(block[157:257])
        self.uname, self.gname = _string(block[265:297]), _string(block[297:329])
        self.device = (_number(block[329:337]), _number(block[337:345]))
        if self.size > _LARGEST:
            raise UnsafeArchive(f"{shown(self.name)} is to have {self.size} bytes")


def _check(member: Member, rules: Rules) -> None:
    """Refuse what `rules` do not allow."""
    name, raw = member.name, member.raw_name
    encoded = raw.encode("utf-8", "surrogateescape")
    said = shown(raw)
    if len(encoded) > rules.path or len(name.split("/")) > rules.depth:
        raise UnsafeArchive(f"the path {said} is too long or too deep")
    if "\0" in raw or "\0" in member.link:
        raise UnsafeArchive(f"{said} has a zero in its name")
    if len(member.link.encode("utf-8", "surrogateescape")) > rules.path:
        raise UnsafeArchive(f"the target of {said} is too long")
    if member.kind == Kind.HARD_LINK and not _relative(member.link):
        raise UnsafeArchive(f"{said} is a link to nothing")
    if rules.system:
        return
    if member.kind not in (Kind.FILE, Kind.FOLDER, Kind.LINK):
        raise UnsafeArchive(f"{said} is a {member.kind}")
    if member.mode & 0o7000:
        raise UnsafeArchive(f"{said} has the mode {member.mode:o}")
    if any(key.startswith(_ATTRIBUTES) for key in member.extended):
        raise UnsafeArchive(f"{said} has extended attributes")
    if not name or raw.rstrip("/") != name:
        raise UnsafeArchive(f"{said} is written in an unusual way")
    if any(part.startswith(".wh.") for part in name.split("/")):
        raise UnsafeArchive(f"{said} removes a file of another layer")
    if any("\ud800" <= letter <= "\udfff" or letter < " " for letter in raw + member.link):
        raise UnsafeArchive(f"the name of {said} is not UTF-8, or has control characters")


_ATTRIBUTES = ("SCHILY.", "LIBARCHIVE.", "RHT.", "APPLE", "SUN.", "security.")


def _relative(raw: str) -> str:
    """Return a path without `.` and doubled slashes; one that leads out is refused."""
    if raw.startswith("/") or ".." in raw.split("/"):
        raise UnsafeArchive(f"{shown(raw)} leads out of the archive")
    return "/".join(part for part in raw.split("/") if part not in ("", "."))


def _records(data: bytes) -> dict[str, str]:
    """Return the records of an extended header: `LENGTH KEY=VALUE` and a new line, each."""
    found: dict[str, str] = {}
    place = 0
    while place < len(data):
        digits, space, _ = data[place : place + 20].partition(b" ")
        if not space or not digits.isdigit():
            raise UnsafeArchive("an extended header cannot be read")
        end = place + int(digits)
        record = data[place + len(digits) + 1 : end]
        key, equals, value = record[:-1].partition(b"=")
        if end > len(data) or not equals or not key or record[-1:] != b"\n":
            raise UnsafeArchive("an extended header cannot be read")
        name = _text(key)
        if name in found:
            raise UnsafeArchive(f"an extended header gives {shown(name)} twice")
        found[name] = _text(value)
        place = end
    return found


def _string(field: bytes) -> str:
    return _text(field.split(b"\0", 1)[0])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(field: bytes, *, signed: bool = False) -> int:
    """Return a number in octal digits, or in GNU's binary form."""
    if field[:1] in (b"\x80", b"\xff"):
        number = int.from_bytes(field[1:], "big", signed=False)
        if field[0] == 0xFF:
            number -= 1 << (8 * (len(field) - 1))
        if number < 0 and not signed:
            raise UnsafeArchive("a header has a negative number")
        return number
    digits = field.rstrip(b"\0 ").lstrip(b" ")
    if not digits:
        return 0
    if not all(0x30 <= one <= 0x37 for one in digits):
        raise UnsafeArchive("the archive is no tar, or a header of it is damaged")
    return int(digits, 8)


def _decimal(said: str | int, name: str) -> int:
    if isinstance(said, int):
        return said
    if not (said.isascii() and said.isdigit()) or len(said) > 16 or int(said) > _LARGEST:
        raise UnsafeArchive(f"{shown(name)} has a number that cannot be: {shown(said)}")
    return int(said)


def _seconds(said: str, otherwise: int) -> int:
    try:
        seconds = int(float(said)) if said else otherwise
    except (ValueError, OverflowError) as error:
        raise UnsafeArchive(f"a member has the time {shown(said)}") from error
    if abs(seconds) >= 1 << 40:
        raise UnsafeArchive(f"a member has the time {seconds}")
    return seconds
