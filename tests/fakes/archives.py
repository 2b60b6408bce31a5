"""Archives that somebody made to do harm."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

END = bytes(1024)
APP = "opt/algo/app/"


def member(
    name: str,
    content: bytes = b"",
    kind: bytes = tarfile.REGTYPE,
    *,
    form: Literal[0, 1, 2] = tarfile.PAX_FORMAT,
    link: str = "",
    mode: int = 0o644,
    size: int | None = None,
    pax: dict[str, str] | None = None,
) -> bytes:
    """Return one member, header and content; `size` lies about the content's."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(content) if size is None else size
    info.pax_headers = pax or {}
    head = info.tobuf(form, "utf-8", "surrogateescape")
    return head + content + bytes(-len(content) % 512)


def archive(*members: bytes) -> bytes:
    """Return a whole archive."""
    return b"".join(members) + END


def extended(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return an extended header with `records` as they are."""
    info = tarfile.TarInfo("PaxHeaders/x")
    info.type, info.size = kind, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


def record(key: str, value: str) -> bytes:
    """Return a record of an extended header."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _sparse() -> bytes:
    """A member of GNU's old sparse form: a terabyte of zeros in half a kilobyte."""
    block = bytearray(member("X", b"data" * 128, form=tarfile.GNU_FORMAT))
    block[0:100] = f"{APP}sparse".encode().ljust(100, b"\0")
    block[156:157] = tarfile.GNUTYPE_SPARSE
    block[386:410] = b"00000000000\0" + b"00000001000\0"
    block[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    return _summed(bytes(block))


def _summed(block: bytes) -> bytes:
    head = bytearray(block[:512])
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head) + block[512:]


def _binary_size(size: bytes) -> bytes:
    block = bytearray(member(f"{APP}x", b"x"))
    block[124:136] = size
    return _summed(bytes(block))


LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
SPARSE_PAX = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 50)}

# Refused by every reader, also of a distribution's layers.
ANYWHERE: dict[str, Callable[[], bytes]] = {
    "traversal": lambda: archive(member(f"{APP}../../../evil", b"x")),
    "traversal at the start": lambda: archive(member("../evil", b"x")),
    "absolute": lambda: archive(member("/etc/evil", b"x")),
    "absolute by an extended header": lambda: archive(
        extended(record("path", "/etc/evil")), member(f"{APP}x", b"x")
    ),
    "traversal by an extended header": lambda: archive(
        extended(record("path", f"{APP}../../evil")), member(f"{APP}x", b"x")
    ),
    "hard link out": lambda: archive(member(f"{APP}x", kind=HARD, link="../../etc/passwd")),
    "hard link to the root": lambda: archive(member(f"{APP}x", kind=HARD, link="/etc/passwd")),
    "sparse": lambda: archive(_sparse()),
    "sparse by an extended header": lambda: archive(member(f"{APP}x", b"1\n0\n", pax=SPARSE_PAX)),
    "twice": lambda: archive(member(f"{APP}x", b"good"), member(f"{APP}x", b"evil")),
    "twice as a link": lambda: archive(
        member(f"{APP}x", b"good"), member(f"{APP}x", kind=LINK, link="y")
    ),
    "two paths": lambda: archive(
        extended(record("path", f"{APP}a") + record("path", f"{APP}b")), member(f"{APP}x", b"x")
    ),
    "two extended headers": lambda: archive(
        extended(record("path", f"{APP}a")),
        extended(record("path", f"{APP}b")),
        member(f"{APP}x", b"x"),
    ),
    "two kinds of long names": lambda: archive(
        extended(b"opt/algo/app/long\0", tarfile.GNUTYPE_LONGNAME),
        extended(record("path", f"{APP}b")),
        member(f"{APP}x", b"x"),
    ),
    "a header for all": lambda: archive(
        extended(record("path", f"{APP}all"), tarfile.XGLTYPE), member(f"{APP}x", b"x")
    ),
    "records that overlap": lambda: archive(
        extended(b"99 path=opt/algo/app/x\n"), member(f"{APP}x", b"x")
    ),
    "a size that is none": lambda: archive(extended(record("size", "-1")), member(f"{APP}x", b"x")),
    "a size beyond all": lambda: archive(
        extended(record("size", str(1 << 60))), member(f"{APP}x", b"x")
    ),
    "a negative size": lambda: archive(_binary_size(b"\xff" * 12)),
    "a huge binary size": lambda: archive(_binary_size(b"\x80" + b"\x7f" * 11)),
    "a zero in the name": lambda: archive(
        extended(record("path", f"{APP}x\0.py")), member(f"{APP}x", b"x")
    ),
    "a folder with content": lambda: archive(member(f"{APP}d", b"hidden", FOLDER)),
    "headers without end": lambda: archive(
        extended(record("comment", "x" * (2 << 20))), member(f"{APP}x", b"x")
    ),
    "longer than it is": lambda: archive(member(f"{APP}x", b"x", size=1 << 30)),
    "cut short": lambda: member(f"{APP}x", b"x")[:700],
    "without an end": lambda: member(f"{APP}x", b"x"),
    "another archive behind": lambda: (
        archive(member(f"{APP}x", b"x")) + archive(member(f"{APP}evil", b"x"))
    ),
    "no checksum": lambda: archive(b"x" * 512),
    "no tar": lambda: b"PK\3\4" + bytes(2000),
    "deep": lambda: archive(member(APP + "d/" * 900 + "x", b"x")),
    "long": lambda: archive(member(APP + "d" * 5000, b"x")),
    "an unknown kind": lambda: archive(member(f"{APP}x", kind=b"V")),
    "a time that is none": lambda: archive(member(f"{APP}x", b"x", pax={"mtime": "inf"})),
}

# Refused in what we make ourselves: the layers of a project.
IN_A_PROJECT: dict[str, Callable[[], bytes]] = {
    "link out": lambda: archive(member(f"{APP}x", kind=LINK, link="../../../../etc/passwd")),
    "absolute link": lambda: archive(member(f"{APP}x", kind=LINK, link="/etc/passwd")),
    "write through a link": lambda: archive(
        member(f"{APP}d", kind=LINK, link="."), member(f"{APP}d/x", b"x")
    ),
    "link that a later one leads out": lambda: archive(
        member(f"{APP}x", kind=LINK, link="d/../../secret"), member(f"{APP}d", kind=LINK, link=".")
    ),
    "folder over a link": lambda: archive(
        member(f"{APP}d", kind=LINK, link="e"), member(f"{APP}d", kind=FOLDER)
    ),
    "hard link": lambda: archive(member(f"{APP}x", b"x"), member(f"{APP}y", kind=HARD, link="x")),
    "device": lambda: archive(member(f"{APP}x", kind=tarfile.CHRTYPE)),
    "block device": lambda: archive(member(f"{APP}x", kind=tarfile.BLKTYPE)),
    "pipe": lambda: archive(member(f"{APP}x", kind=tarfile.FIFOTYPE)),
    "set-user-id": lambda: archive(member(f"{APP}x", b"x", mode=0o4755)),
    "set-group-id": lambda: archive(member(f"{APP}x", b"x", mode=0o2755)),
    "attributes": lambda: archive(
        member(f"{APP}x", b"x", pax={"SCHILY.xattr.security.capability": "x"})
    ),
    "whiteout": lambda: archive(member(f"{APP}.wh.digits.py", b"")),
    "opaque whiteout": lambda: archive(member(f"{APP}src/.wh..wh..opq", b"")),
    "case": lambda: archive(member(f"{APP}a/x", b"x"), member(f"{APP}A/y", b"y")),
    "composition": lambda: archive(member(f"{APP}\u00e9", b"x"), member(f"{APP}e\u0301", b"y")),
    "not UTF-8": lambda: archive(member(f"{APP}\udcff", b"x")),
    "control characters": lambda: archive(member(f"{APP}a\x1b[2J", b"x")),
    "doubled slashes": lambda: archive(member(f"{APP}/x", b"x")),
    "dots": lambda: archive(member(f"{APP}./x", b"x")),
    "a file as a folder": lambda: archive(member(f"{APP}x", b"x"), member(f"{APP}x/y", b"y")),
    "another place": lambda: archive(member("etc/passwd", b"root::0:0")),
}


def gigabytes_of_nothing(size: int) -> bytes:
    """Return a gzip stream of an archive with a file of `size` zeros."""
    import gzip

    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as stream:
        stream.write(member("x", size=size))
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
        stream.write(END)
    return target.getvalue()
