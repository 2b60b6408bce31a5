"""Find the container engine and ask whether it is there, without loading its SDK."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from algo.engines.errors import EngineUnavailable
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker.api.client import APIClient

DEFAULT = "unix:///var/run/docker.sock"
# http.client takes 15 ms to load, of the 0.2 s of a build that has nothing to do.
_PING = b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_LONGEST = 1 << 16
# Seconds for the answer of an engine that listens.
_PATIENCE = 5.0


class _Config(msgspec.Struct):
    currentContext: str = ""


class _Endpoint(msgspec.Struct):
    Host: str = ""


class _Context(msgspec.Struct):
    Endpoints: dict[str, _Endpoint] = {}


class Answer(Value, frozen=True):
    """What an engine answered to a ping: its API version and whether it is podman."""

    api: str
    server: str


def find(env: Mapping[str, str], home: Path) -> str:
    """Return the engine's address: `DOCKER_HOST`, the docker context, the usual sockets."""
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    config = Path(env.get("DOCKER_CONFIG") or home / ".docker")
    host = _context_host(config, env.get("DOCKER_CONTEXT", ""))
    if host:
        return host
    candidates = [DEFAULT, f"unix://{home}/.docker/run/docker.sock"]
    if env.get("XDG_RUNTIME_DIR"):
        names = ("docker.sock", "podman/podman.sock")
        candidates += [f"unix://{env['XDG_RUNTIME_DIR']}/{name}" for name in names]
    there = (address for address in candidates if Path(address[len("unix://") :]).exists())
    return next(there, DEFAULT)


def ping(address: str, timeout: float = 0.3) -> Answer | None:
    """Return the answer of the engine at `address`, None when none is there.

    An engine that does not listen within `timeout` seconds is not there; one that does may take
    `_PATIENCE` for its answer, as a busy machine's needs. An address that needs the SDK (TLS, ssh)
    is not asked: it answers as itself.
    """
    endpoint = endpoint_of(address)
    if endpoint is None:
        return Answer("", "")
    try:
        with open_socket(endpoint, timeout) as connection:
            connection.settimeout(_PATIENCE)
            connection.sendall(_PING)
            said = b""
            while b"\r\n\r\n" not in said and len(said) < _LONGEST:
                piece = connection.recv(_LONGEST)
                if not piece:
                    return None
                said += piece
    except OSError:
        return None
    status, *lines = said.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    if status.split(" ")[1:2] != ["200"]:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (s.partition(":") for s in lines)}
    return Answer(headers.get("api-version", ""), headers.get("server", ""))


def connect(address: str, env: Mapping[str, str], timeout: int = 20) -> APIClient:
    """Return the SDK's low-level client for the engine at `address`.

    Raises:
        EngineUnavailable: It does not answer.
    """
    answer = ping(address, timeout=2.0)
    if answer is None:
        raise EngineUnavailable(f"no container engine answers at {address}")
    from docker.api.client import APIClient
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    settings = kwargs_from_env(environment=dict(env)) if env.get("DOCKER_TLS_VERIFY") else {}
    settings["base_url"] = address
    version = min(answer.api, DEFAULT_DOCKER_API_VERSION, key=_number) if answer.api else "auto"
    try:
        return APIClient(**settings, version=version, timeout=timeout)
    except DockerException as error:
        raise EngineUnavailable(f"no container engine answers at {address}: {error}") from error


def endpoint_of(address: str) -> str | tuple[str, int] | None:
    """Return the socket's path, or host and port; None when the address needs the SDK."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return rest
    if scheme in ("tcp", "http") and not rest.endswith(":2376"):
        parts = urlsplit(f"//{rest}")
        return parts.hostname or "", parts.port or 80
    return None


def open_socket(endpoint: str | tuple[str, int], timeout: float | None) -> socket.socket:
    """Return a connection to an engine.

    Raises:
        OSError: Nobody answers.
    """
    if isinstance(endpoint, tuple):
        return socket.create_connection(endpoint, timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(endpoint)
    except OSError:
        connection.close()
        raise
    return connection


def _context_host(config: Path, name: str) -> str:
    try:
        if not name:
            settings = msgspec.json.decode((config / "config.json").read_bytes(), type=_Config)
            name = settings.currentContext
        if name in ("", "default"):
            return ""
        folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        context = msgspec.json.decode((folder / "meta.json").read_bytes(), type=_Context)
        return context.Endpoints.get("docker", _Endpoint()).Host
    except (OSError, msgspec.DecodeError):
        return ""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
