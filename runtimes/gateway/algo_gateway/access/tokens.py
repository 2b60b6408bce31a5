"""Bearer tokens from a file that holds their hashes, read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALL, ADMIN = "call", "admin"
# How often the file is looked at, in seconds.
EVERY = 1.0
# Algorithmia's clients send their key as `Simple KEY`, or as it is.
_SCHEMES = frozenset({"bearer", "simple"})
_PREFIX = "algo"
_NOBODY = "0" * 64


class Token(msgspec.Struct, frozen=True):
    """One token: who has it, what it may do, until when, and the SHA-256 of its text in hex."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...] = (CALL,)
    created: datetime | None = None
    expires: datetime | None = None


class TokenFile(msgspec.Struct):
    """The whole file (docs/formats.md)."""

    tokens: list[Token]


class Tokens:
    """Lets through whoever shows a token of the file at `path`.

    Args:
        path: Written by `algo tokens`.
        say: Told when the file changed into something that cannot be read.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such file.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._state = self._look()
        self._tokens = self._read()
        self._looked = time.monotonic()

    def __len__(self) -> int:
        return len(self._tokens)

    def check(self, authorization: str | None, scope: str) -> Token:
        """Return the token of an `Authorization` header.

        Raises:
            Failure: 401, it is none that counts; 403, its scopes do not have `scope`.
        """
        if time.monotonic() - self._looked > EVERY:
            self._refresh()
        if authorization is None:
            hint = "send the header Authorization: Bearer TOKEN"
            raise Failure(401, "token_required", "this service wants a token", hint=hint)
        scheme, _, text = authorization.strip().rpartition(" ")
        if scheme and scheme.strip().lower() not in _SCHEMES:
            hint = "send the header Authorization: Bearer TOKEN"
            raise Failure(401, "token_invalid", "the Authorization is no bearer token", hint=hint)
        token = self._find(text)
        if token is None:
            hint = "ask for one: algo tokens create"
            raise Failure(401, "token_invalid", "the token is not known here", hint=hint)
        if token.expires is not None and token.expires <= datetime.now(UTC):
            hint = "ask for a new one: algo tokens create"
            raise Failure(401, "token_expired", "the token has expired", hint=hint)
        if scope not in token.scopes:
            message = f"the token {token.name} has not the scope {scope}"
            hint = f"ask for one that has: algo tokens create --scope {scope}"
            raise Failure(403, "scope_missing", message, hint=hint)
        return token

    def _find(self, text: str) -> Token | None:
        """Return the token whose text this is; its id is in it and no secret, the rest is."""
        prefix, _, rest = text.partition("_")
        token = self._tokens.get(rest.partition("_")[0]) if prefix == _PREFIX else None
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        same = hmac.compare_digest(digest, token.sha256 if token is not None else _NOBODY)
        return token if same else None

    def _refresh(self) -> None:
        self._looked = time.monotonic()
        try:
            state = self._look()
            if state == self._state:
                return
            self._tokens = self._read()
            self._state = state
        except FileNotFoundError:
            self._tokens = {}
            self._state = (0, 0, 0)
            self._say(f"{self._path} is gone: no token counts any more")
        except (OSError, ValueError) as error:
            # It may be half written: what was read last counts, and it is looked at again.
            self._say(f"{self._path} cannot be read, the tokens before count: {error}")

    def _look(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> dict[str, Token]:
        document = msgspec.json.decode(self._path.read_bytes(), type=TokenFile)
        for token in document.tokens:
            if token.expires is not None and token.expires.tzinfo is None:
                raise ValueError(f"the time that {token.id} expires at has no zone")
        return {token.id: token for token in document.tokens}
