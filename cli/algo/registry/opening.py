"""The registry that a host names, with the user's credentials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.registry.interface import Registry
    from algo.registry.transport import Patience
    from algo.resources import Folders


def open_registry(
    host: str, folders: Folders, env: Mapping[str, str], *, patience: Patience | None = None
) -> Registry:
    """Return the registry at `host`, or the embedded store for an empty host.

    Nothing is sent yet.

    Raises:
        BadCredentials: Docker's config.json is broken.
    """
    if not host:
        from algo.registry.layout import LayoutStore

        return LayoutStore(folders.store, linkable=folders.cache)
    from algo.registry.credentials import DockerConfig
    from algo.registry.http import HttpRegistry
    from algo.registry.kept import Uploads
    from algo.registry.transport import Patience, Transport

    credentials = DockerConfig(env, Path.home()).find(host)
    transport = Transport(host, credentials, env, patience or Patience())
    return HttpRegistry(transport, uploads=Uploads(folders.state / "uploads"))


def check_login(host: str, user: str, password: str, env: Mapping[str, str]) -> None:
    """Ask the registry whether it takes these credentials.

    Raises:
        Unauthorized: It does not.
        RegistryUnreachable: It does not answer.
    """
    from algo.registry.credentials import Credentials
    from algo.registry.http import HttpRegistry
    from algo.registry.transport import Patience, Transport

    HttpRegistry(Transport(host, Credentials(user, password), env, Patience())).check()


def store_login(host: str, user: str, password: str, env: Mapping[str, str]) -> str:
    """Keep credentials in Docker's config.json or the helper it names; return where.

    Raises:
        BadCredentials: The file is broken, or the helper failed.
    """
    from algo.registry.credentials import Credentials, DockerConfig

    return DockerConfig(env, Path.home()).store(host, Credentials(user, password))
