"""Who we are to a registry: basic authentication and the bearer-token flow.

The flow is docker/distribution's "Token Authentication Specification": a 401 names a realm,
which gives a short-lived token for a scope.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from algo.registry.errors import RegistryRefused
from algo.values import Value

if TYPE_CHECKING:
    from algo.registry.credentials import Credentials

# The specification's default and minimum life of a token; the margin is for clocks and the way.
TOKEN_SECONDS = 60.0
MARGIN_SECONDS = 10.0
_PARAMETER = re.compile(r'([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_CLIENT = "algo"


class Challenge(Value, frozen=True):
    """What a registry wants: `basic`, or `bearer` with where to get a token."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, headers: list[str]) -> Challenge | None:
        """Read `WWW-Authenticate` headers; bearer is preferred, unknown schemes are skipped."""
        found: dict[str, Challenge] = {}
        for header in headers:
            scheme, _, rest = header.strip().partition(" ")
            values = {
                match[1].lower(): match[2] if match[2] is not None else match[3]
                for match in _PARAMETER.finditer(rest)
            }
            found[scheme.lower()] = cls(
                scheme.lower(),
                values.get("realm", ""),
                values.get("service", ""),
                values.get("scope", ""),
            )
        return found.get("bearer") or found.get("basic")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to a realm: a GET with basic authentication, or a POST of a form."""

    realm: str
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    authorization: str = field(default="", repr=False)


class _Answer(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = TOKEN_SECONDS


Fetch = Callable[[TokenRequest], bytes]
"""Sends a token request, retries it, and raises the registry's errors."""


class Authentication:
    """The `Authorization` header of each request to one registry; safe for threads.

    Args:
        credentials: Who we are; `None` is anybody.
        fetch: Sends token requests.
        clock: Seconds that only go forward.
    """

    def __init__(
        self, credentials: Credentials | None, fetch: Fetch, clock: Callable[[], float]
    ) -> None:
        self._credentials = credentials
        self._fetch = fetch
        self._clock = clock
        self._challenge: Challenge | None = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def header(self, scope: str) -> str:
        """Return the header's value for `scope`; empty as long as the registry asked for none."""
        with self._lock:
            if self._challenge is None:
                return ""
            if self._challenge.scheme == "basic":
                return _basic(self._credentials)
            token, ends = self._tokens.get(scope, ("", 0.0))
            if not token or self._clock() >= ends:
                token, seconds = self._new_token(self._challenge, scope)
                life = max(seconds - MARGIN_SECONDS, seconds / 2)
                self._tokens[scope] = (token, self._clock() + life)
            return f"Bearer {token}"

    def challenged(self, headers: list[str], scope: str, sent: str) -> bool:
        """Take note of a 401; say whether the request is worth another attempt.

        Args:
            headers: The answer's `WWW-Authenticate` headers.
            scope: What the request needed.
            sent: The `Authorization` value which the registry did not take.
        """
        challenge = Challenge.parse(headers)
        if challenge is None:
            return False
        with self._lock:
            first = self._challenge is None
            self._challenge = challenge
            if challenge.scheme == "basic":
                return first and self._credentials is not None
            token, _ = self._tokens.get(scope, ("", 0.0))
            if sent == f"Bearer {token}":
                self._tokens.pop(scope, None)
            return True

    def _new_token(self, challenge: Challenge, scope: str) -> tuple[str, float]:
        scopes = tuple(("scope", part) for part in (scope or challenge.scope).split(" ") if part)
        service = (("service", challenge.service),) if challenge.service else ()
        known = self._credentials
        if known is not None and not known.user:
            form = (
                ("grant_type", "refresh_token"),
                ("refresh_token", known.password),
                ("client_id", _CLIENT),
                *service,
                # OAuth 2: the scopes of a form are one value.
                *((("scope", " ".join(value for _, value in scopes)),) if scopes else ()),
            )
            request = TokenRequest(challenge.realm, form=form)
        else:
            request = TokenRequest(
                challenge.realm, query=(*service, *scopes), authorization=_basic(known)
            )
        try:
            answer = msgspec.json.decode(self._fetch(request), type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RegistryRefused(f"{challenge.realm} gave no token: {error}") from error
        token = answer.token or answer.access_token
        if not token:
            raise RegistryRefused(f"{challenge.realm} gave no token")
        return token, answer.expires_in


def _basic(credentials: Credentials | None) -> str:
    if credentials is None or not credentials.user:
        return ""
    text = f"{credentials.user}:{credentials.password}"
    return f"Basic {base64.b64encode(text.encode()).decode()}"
