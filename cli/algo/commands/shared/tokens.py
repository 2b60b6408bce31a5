"""What the verbs of `algo tokens` share, and what `serve` makes of its options of access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo.access.errors import TokenFileInvalid, TokenRequired
from algo.access.hosts import is_loopback
from algo.access.tokens import known
from algo.engines.interface import Access
from algo.events import Note, Warned
from algo.output import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from algo.access.tokens import Token
    from algo.deps import Deps


def shown(token: Token) -> dict[str, Any]:
    """Return a token as `--json` shows it: without its hash."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "created": token.created.isoformat(),
        "expires": token.expires.isoformat() if token.expires else None,
    }


def table(tokens: Sequence[Token], now: datetime) -> Table:
    """Return the table of `algo tokens list`."""
    rows = [(one.id, one.name, " ".join(one.scopes), _until(one, now)) for one in tokens]
    return Table(("token", "name", "scopes", "expires"), rows)


def told(token: Token, file: Path) -> Note:
    """Return what there is to say about a new token."""
    scopes = " and ".join(token.scopes)
    return Note(f"{file} has its hash (scope {scopes}); the token itself is shown this once:")


def access_of(
    deps: Deps, host: str, tokens: Path | None, *, open_to_all: bool, log: bool
) -> Access:
    """Return who may call a service at `host`.

    Raises:
        TokenRequired: Others can reach it, and it would ask for no token.
        TokenFileInvalid: The file of tokens holds none, or is no such file.
    """
    if tokens is not None:
        file = (deps.cwd / tokens).resolve()
        if not known(file):
            raise TokenFileInvalid(
                f"{tokens} holds no token", hint=f"algo tokens create NAME --file {tokens}"
            )
        if not is_loopback(host):
            text = f"whoever reaches {host} sees calls and tokens on their way: put TLS before it"
            deps.output.event(Warned(text))
        return Access(tokens=file, log=log)
    if is_loopback(host):
        return Access(local=not open_to_all, log=log)
    what = f"whoever reaches {host} may call it without a token"
    if not open_to_all:
        hint = "algo tokens create NAME, then pass --tokens tokens.json; or --insecure-no-token"
        raise TokenRequired(f"{what}: --host {host} wants --tokens", hint=hint)
    deps.output.event(Warned(what))
    return Access(log=log)


def _until(token: Token, now: datetime) -> str:
    if token.expires is None:
        return "never"
    day = token.expires.strftime("%Y-%m-%d %H:%M")
    return f"{day} (expired)" if token.expires <= now else day
