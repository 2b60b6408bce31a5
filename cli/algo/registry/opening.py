"""The registry that a host names, with the user's credentials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.events import Notify
    from algo.registry.http import HttpRegistry
    from algo.registry.interface import Registry
    from algo.registry.transport import Patience
    from algo.resources import Folders


def open_registry(
    host: str,
    folders: Folders,
    env: Mapping[str, str],
    *,
    patience: Patience | None = None,
    notify: Notify = silent,
    home: Path | None = None,
) -> Registry:
    """Return the registry at `host`, or the embedded store for an empty host.

    Nothing is sent yet.

    Args:
        host: `host[:port]`.
        folders: Where uploads and downloads under way, and the names of mirrors, are.
        env: The environment.
        patience: How often to try again.
        notify: Is warned of a mirror that cannot be used.
        home: The user's home folder, for Docker's configuration and certs.d. Default: this one's.

    Raises:
        BadCredentials: Docker's config.json is broken.
        BadMirrors: The setting of mirrors is.
    """
    if not host:
        from algo.registry.layout import LayoutStore

        return LayoutStore(folders.store, linkable=folders.cache)
    from algo.registry.mirrors import MIRROR_PATIENCE, Mirror, MirroredRegistry, mirrors_of
    from algo.registry.transport import Patience

    origin = _remote(host, folders, env, patience or Patience(), home)
    places = [place.partition("/") for place in mirrors_of(host, env, folders.config)]
    if not places:
        return origin
    mirrors = [
        Mirror(_remote(name, folders, env, patience or MIRROR_PATIENCE, home), prefix)
        for name, _, prefix in places
    ]
    return MirroredRegistry(origin, mirrors, notify)


def _remote(
    host: str, folders: Folders, env: Mapping[str, str], patience: Patience, home: Path | None
) -> HttpRegistry:
    from algo.registry.credentials import DockerConfig
    from algo.registry.http import HttpRegistry
    from algo.registry.kept import Uploads
    from algo.registry.partial import Downloads
    from algo.registry.transport import Transport

    credentials = DockerConfig(env, home or Path.home()).find(host)
    return HttpRegistry(
        Transport(host, credentials, env, patience, home=home),
        uploads=Uploads(folders.state / "uploads"),
        downloads=Downloads(folders.cache / "downloads"),
    )


def check_login(
    host: str, user: str, password: str, env: Mapping[str, str], *, home: Path | None = None
) -> None:
    """Ask the registry whether it takes these credentials.

    Raises:
        Unauthorized: It does not.
        RegistryUnreachable: It does not answer.
    """
    from algo.registry.credentials import Credentials
    from algo.registry.http import HttpRegistry
    from algo.registry.transport import Patience, Transport

    known = Credentials(user, password)
    HttpRegistry(Transport(host, known, env, Patience(), home=home)).check()


def store_login(host: str, user: str, password: str, env: Mapping[str, str]) -> str:
    """Keep credentials in Docker's config.json or the helper it names; return where.

    Raises:
        BadCredentials: The file is broken, or the helper failed.
    """
    from algo.registry.credentials import Credentials, DockerConfig

    return DockerConfig(env, Path.home()).store(host, Credentials(user, password))
