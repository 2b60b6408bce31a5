"""A token server, as docker/distribution's "Token Authentication Specification" has it.

Its tokens are signed with RS256; a registry takes them by the certificate in their header.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.contract.registry.authority import self_signed_rsa
from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.x509 import Certificate

ISSUER, SERVICE = "algo tests", "registry"


@dataclass(slots=True)
class TokenServer:
    """What the server knows, what it gave, and how a registry is told of it.

    `users` are passwords by name, `identities` users by identity token; who is nobody may pull
    what begins with `public/`. Tokens live for `seconds`.
    """

    users: dict[str, str]
    identities: dict[str, str]
    bundle: Path
    seconds: int = 60
    address: str = ""
    given: list[list[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def auth(self) -> dict[str, object]:
        """The registry's `auth` setting."""
        token = {
            "realm": f"http://{self.address}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(self.bundle),
        }
        return {"token": token}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: TokenServer
    key: rsa.RSAPrivateKey
    certificate: Certificate

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        user = ""
        if given:
            text = base64.b64decode(given.removeprefix("Basic ")).decode()
            user, _, password = text.partition(":")
            if self.server_state.users.get(user) != password:
                self._answer(401, {"details": "incorrect username or password"})
                return
        self._give(user, query.get("scope", []), "token")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form["grant_type"] == ["refresh_token"]:
            user = self.server_state.identities.get(form["refresh_token"][0], "")
        else:
            name, password = form["username"][0], form["password"][0]
            user = name if self.server_state.users.get(name) == password else ""
        if not user or form["service"] != [SERVICE]:
            self._answer(401, {"details": "unknown"})
            return
        self._give(user, " ".join(form.get("scope", [])).split(), "access_token")

    def _give(self, user: str, scopes: list[str], key: str) -> None:
        state = self.server_state
        with state.lock:
            state.given.append(scopes)
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            public = name.startswith("public/") and actions == "pull"
            if user or public:
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": now + state.seconds,
            "nbf": now - 10,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        self._answer(200, {key: self._signed(claims), "expires_in": state.seconds})

    def _signed(self, claims: dict[str, object]) -> str:
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        text = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_b64(signature)}"

    def _answer(self, status: int, document: dict[str, object]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def token_server(folder: Path, users: dict[str, str]) -> Iterator[TokenServer]:
    """Run a token server while the block runs."""
    pair, key, certificate = self_signed_rsa(folder, "tokens")
    identities = {f"identity of {user}": user for user in users}
    state = TokenServer(users, identities, pair.certificate)
    attributes = {"server_state": state, "key": key, "certificate": certificate}
    handler = type("Handler", (_Handler,), attributes)
    with servers.serving(handler) as server:
        state.address = f"127.0.0.1:{server.server_port}"
        yield state
