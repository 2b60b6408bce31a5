"""The file of a service's tokens: their hashes, not the tokens (docs/formats.md)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from algo.access.errors import TokenExists, TokenFileInvalid, TokenInvalid, TokenUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE = "tokens.json"
SCOPES = ("call", "admin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_SPAN = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# A container's user, who is none of this machine, reads the file; there is no secret in it.
_MODE = 0o644


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """One token: `sha256` is the hash of its text in hex, `expires` None for never."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None


class _Document(msgspec.Struct):
    tokens: tuple[Token, ...] = ()


def create(
    file: Path,
    name: str,
    scopes: Sequence[str],
    *,
    expires: str,
    now: datetime,
    secret: str,
) -> tuple[str, Token]:
    """Add a token to `file`, which is made when it is missing.

    Args:
        file: Where tokens are kept.
        name: Who has it; unique in the file.
        scopes: What it may do, of `SCOPES`.
        expires: After `90d`, `12h` or `30m`; empty for never.
        now: The time.
        secret: At least 43 characters that nobody can guess.

    Returns:
        The token's text, which is nowhere else, and what the file holds of it.

    Raises:
        TokenInvalid: The name, a scope or `expires` is none.
        TokenExists: The name is taken.
        TokenFileInvalid: The file holds something else, or cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise TokenInvalid(f"{name!r} is no name for a token: letters, digits and . _ @ - are")
    for scope in scopes:
        if scope not in SCOPES:
            raise TokenInvalid(f"there is no scope {scope!r}: there are {' and '.join(SCOPES)}")
    number = hashlib.sha256(secret.encode()).hexdigest()[:8]
    text = f"algo_{number}_{secret}"
    token = Token(
        id=number,
        name=name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        scopes=tuple(dict.fromkeys(scopes)),
        created=now,
        expires=now + _span(expires) if expires else None,
    )
    with _opened(file) as (tokens, write):
        if any(one.name == name for one in tokens):
            hint = f"algo tokens revoke {name}"
            raise TokenExists(f"{file.name} has a token {name} already", hint=hint)
        write([*tokens, token])
    return text, token


def known(file: Path) -> tuple[Token, ...]:
    """Return the tokens of `file`, none when it is missing.

    Raises:
        TokenFileInvalid: The file holds something else, or cannot be read.
    """
    try:
        return _parse(file.read_bytes(), file)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TokenFileInvalid(f"{file} cannot be read: {error.strerror}") from error


def revoke(file: Path, which: str) -> Token:
    """Remove the token of this id or name, and return it.

    Raises:
        TokenUnknown: There is none.
        TokenFileInvalid: The file holds something else, or cannot be written.
    """
    if not file.exists():
        raise TokenUnknown(f"there is no token {which}: there is no file {file}")
    with _opened(file) as (tokens, write):
        found = next((one for one in tokens if which in (one.id, one.name)), None)
        if found is None:
            raise TokenUnknown(f"{file.name} has no token {which}")
        write([one for one in tokens if one is not found])
    return found


@contextmanager
def _opened(file: Path) -> Iterator[tuple[tuple[Token, ...], Writer]]:
    """Give the tokens of `file` and what replaces them, alone with it meanwhile.

    It is written in its place: a container that has the file mounted would keep a renamed one.
    """
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    except OSError as error:
        raise TokenFileInvalid(f"{file} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        content = stream.read()
        if not content:
            os.fchmod(handle, _MODE)  # whatever the umask says
        yield (_parse(content, file) if content else ()), Writer(handle)


class Writer:
    """Replaces what the open file `handle` holds."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __call__(self, tokens: Sequence[Token]) -> None:
        """Write `tokens`."""
        content = msgspec.json.encode(_Document(tuple(tokens)))
        content = msgspec.json.format(content, indent=2) + b"\n"
        os.pwrite(self._handle, content, 0)
        os.ftruncate(self._handle, len(content))


def _parse(content: bytes, file: Path) -> tuple[Token, ...]:
    try:
        return msgspec.json.decode(content, type=_Document).tokens
    except msgspec.MsgspecError as error:
        raise TokenFileInvalid(f"{file} is no file of tokens: {error}") from error


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise TokenInvalid(f"{text!r} is no time to expire after: write it as 90d, 12h or 30m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
