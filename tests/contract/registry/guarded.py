"""Registries that do not let everybody in, and a user who may."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.registry.opening import check_login, open_registry, store_login
from algo.registry.transport import Patience
from algo.resources import user_folders

from tests.contract.registry.authority import Authority, Pair
from tests.contract.registry.tokens import token_server
from tests.machine import registries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.registry.interface import Registry

    from tests.contract.registry.tokens import TokenServer

USER, PASSWORD = "ada", "s3cret:päss"
KINDS = ("htpasswd", "token", "tls", "client certificate")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A registry, and the home folder and environment of a user that it lets in."""

    host: str
    home: Path
    env: dict[str, str]
    ca: Path | None = None
    pair: Pair | None = None
    tokens: TokenServer | None = None

    @property
    def certificates(self) -> Path:
        """The folder in certs.d."""
        return self.home / ".config" / "containers" / "certs.d" / self.host

    def open(self, patience: Patience | None = None) -> Registry:
        """Return the registry as the user opens it."""
        folders = user_folders(str(self.home / "algo"))
        return open_registry(
            self.host, folders, self.env, patience=patience or Patience(), home=self.home
        )


@contextmanager
def guarded(kind: str, folder: Path) -> Iterator[Guarded]:
    """Run distribution with one kind of authentication, and log a user in."""
    home = folder / "home"
    storage = folder / "registry"
    storage.mkdir(parents=True)
    home.mkdir()
    env = {**os.environ, "HOME": str(home), "DOCKER_CONFIG": str(home / ".docker")}
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        env.pop(name, None)
    known = {USER: PASSWORD}
    with ExitStack() as stack:
        enter = stack.enter_context
        match kind:
            case "htpasswd":
                host = enter(registries.docker_registry(storage, known))
                there = Guarded(host, home, env)
            case "token":
                tokens = enter(token_server(folder / "tokens", known))
                host = enter(registries.docker_registry(storage, auth=tokens.auth))
                there = Guarded(host, home, env, tokens=tokens)
            case _:
                there = _with_tls(stack, kind, folder, storage, Guarded("", home, env))
        if kind != "client certificate":
            check_login(there.host, USER, PASSWORD, env, home=home)
            store_login(there.host, USER, PASSWORD, env)
        yield there


def _with_tls(stack: ExitStack, kind: str, folder: Path, storage: Path, user: Guarded) -> Guarded:
    authority = Authority(folder / "authority")
    server = authority.issue("server", "127.0.0.1", "registry.example.com")
    tls: dict[str, object] = {
        "certificate": str(server.certificate),
        "key": str(server.key),
    }
    pair = None
    if kind == "client certificate":
        tls["clientcas"] = [str(authority.file)]
        pair = authority.issue("client")
    users = None if pair else {USER: PASSWORD}
    host = stack.enter_context(registries.docker_registry(storage, users, tls=tls))
    there = Guarded(host, user.home, user.env, authority.file, pair)
    there.certificates.mkdir(parents=True)
    (there.certificates / "ca.crt").write_bytes(authority.file.read_bytes())
    if pair:
        (there.certificates / "client.cert").write_bytes(pair.certificate.read_bytes())
        (there.certificates / "client.key").write_bytes(pair.key.read_bytes())
    return there
