"""What a server answered, read with limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import field

from algo.registry.errors import RegistryRefused
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.registry.wire import Response

LONGEST_ANSWER = 8 << 20


class Answer(Value, frozen=True):
    """A server's whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def read_limited(response: Response, host: str) -> bytes:
    """Return the body of an answer.

    Raises:
        RegistryRefused: It is over 8 MiB.
    """
    parts: list[bytes] = []
    size = 0
    for piece in response.pieces():
        size += len(piece)
        if size > LONGEST_ANSWER:
            raise RegistryRefused(f"{host} answers with more than {LONGEST_ANSWER} bytes")
        parts.append(piece)
    return b"".join(parts)


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct):
    errors: tuple[_Error, ...]


def words_of(body: bytes) -> str:
    """Return what an error's body says (distribution-spec, "Error Codes"), else its start."""
    try:
        errors = msgspec.json.decode(body, type=_Errors).errors
        return "\n".join(f"{error.code}: {error.message}" for error in errors)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body[:300].decode(errors="replace").strip()
