"""What a pickle imports when it is loaded, found by reading it, never by loading it.

The opcodes are those of CPython's pickletools. Payloads are skipped, not read, so the size of
the arrays in a pickle does not matter.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pickletools import OpcodeInfo

UNKNOWN = "something that it hides"
MOST = 1000
# Opcodes whose payload may be huge: the bytes of its length, read as little endian.
_SKIPPED = {"B": 4, "\x8e": 8, "\x96": 8, "X": 4, "\x8d": 8, "T": 4, "\x8b": 4}
_LONGEST_TEXT = 4096
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_TEXT = {
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("STRING", "SHORT_BINSTRING", "BINSTRING"),
}
_EXTENSIONS = {"EXT1", "EXT2", "EXT4"}
_WORDS = re.compile(r"[A-Za-z_][\w.]{0,200} [A-Za-z_][\w.]{0,200}")
_NAME = rb"[A-Za-z_][A-Za-z0-9_.]{0,100}"
# An import as it stands between bytes that are none of the pickle's: joblib writes arrays there.
_LOOSE = re.compile(
    rb"\x8c.(" + _NAME + rb")\x94?(?:q.)?\x8c.(" + _NAME + rb")\x94?(?:q.)?\x93"
    rb"|c(" + _NAME + rb")\n(" + _NAME + rb")\n"
)
_BLOCK = 8 << 20


class NotPickle(ValueError):
    """The bytes are no pickle from here on."""


def imports(file: BinaryIO) -> tuple[str, ...]:
    """Return what the pickles in `file`, from where it stands, import: `module.name`, sorted.

    What cannot be told, because the pickle computes it, is named as that.

    Raises:
        NotPickle: It does not begin as one.
    """
    found: set[str] = set()
    start, whole = file.tell(), 0
    # Without the mark of protocol 2 and later, only what is one to the end is taken for one.
    marked = file.read(1) == b"\x80"
    file.seek(start)
    limited = _Limited(file)
    try:
        while _more(file):
            for name in _one(limited):
                found.add(name)
                if len(found) >= MOST:
                    return tuple(sorted(found))
            whole += 1
    except NotPickle:
        if not whole and not (marked and found):
            raise
        file.seek(start)
        found.update(_loose(file))
    return tuple(sorted(found))


def _more(file: BinaryIO) -> bool:
    here = file.tell()
    more = bool(file.read(1))
    file.seek(here)
    return more


class _Limited:
    """A file whose lines end after 4 kB: in what is no pickle, the next one may be far."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self._file = file

    def readline(self) -> bytes:
        """Return the next line."""
        return self._file.readline(_LONGEST_TEXT)


def _one(file: _Limited) -> Iterator[str]:
    """Yield what one pickle imports, up to its STOP."""
    pushed: list[str | None] = []
    memo: dict[int, str | None] = {}
    for name, argument in _opcodes(file):
        if name in ("GLOBAL", "INST"):
            if not _WORDS.fullmatch(str(argument)):
                raise NotPickle(f"{argument!r} is no name")
            yield str(argument).replace(" ", ".", 1)
            pushed.append(None)
        elif name == "STACK_GLOBAL":
            module, attribute = (None, *pushed)[-2:] if pushed else (None, None)
            yield f"{module}.{attribute}" if module and attribute else UNKNOWN
            del pushed[-2:]
            pushed.append(None)
        elif name in _EXTENSIONS:
            yield UNKNOWN
        elif name in _TEXT:
            pushed.append(argument if isinstance(argument, str) else None)
        elif name == "MEMOIZE":
            memo[len(memo)] = pushed[-1] if pushed else None
        elif name in _PUT:
            memo[int(str(argument))] = pushed[-1] if pushed else None
        elif name in _GET:
            pushed.append(memo.get(int(str(argument))))
        elif name == "POP" and pushed:
            pushed.pop()
        elif name == "STOP":
            return
        elif name not in ("PROTO", "FRAME"):
            pushed.append(None)
        del pushed[:-64]


def _opcodes(file: _Limited) -> Iterator[tuple[str, object]]:
    from pickletools import opcodes

    known: dict[str, OpcodeInfo] = {op.code: op for op in opcodes}
    first = True
    while True:
        code = file.read(1).decode("latin-1")
        op = known.get(code)
        if op is None or (first and op.name == "STOP"):
            raise NotPickle(f"{code!r} is no opcode")
        first = False
        yield op.name, _argument(op, code, file)
        if op.name == "STOP":
            return


def _argument(op: OpcodeInfo, code: str, file: _Limited) -> object:
    """Return the argument of an opcode; None for one that is too long to be a name."""
    if op.arg is None:
        return None
    width = _SKIPPED.get(code)
    try:
        if width is None:
            return op.arg.reader(cast("IO[bytes]", file))
        length = int.from_bytes(file.read(width), "little")
        if op.name not in _TEXT or length > _LONGEST_TEXT:
            file.seek(length, 1)
            return None
        return file.read(length).decode("utf-8", "replace")
    except (ValueError, UnicodeDecodeError, OverflowError, OSError) as error:
        raise NotPickle(str(error)) from error


def _loose(file: BinaryIO) -> Iterator[str]:
    """Yield imports wherever they stand."""
    rest = b""
    while block := file.read(_BLOCK):
        data = rest + block
        for match in _LOOSE.finditer(data):
            module, name = match[1] or match[3], match[2] or match[4]
            yield f"{module.decode()}.{name.decode()}"
        rest = data[-256:]
