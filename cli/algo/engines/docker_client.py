"""Find the container engine and ask whether it is there, without loading its SDK."""

from __future__ import annotations

import hashlib
import http.client
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.engines.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker.api.client import APIClient

DEFAULT = "unix:///var/run/docker.sock"


class _Config(msgspec.Struct):
    currentContext: str = ""


class _Endpoint(msgspec.Struct):
    Host: str = ""


class _Context(msgspec.Struct):
    Endpoints: dict[str, _Endpoint] = {}


@dataclass(frozen=True, slots=True)
class Answer:
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
    """Return the answer of the engine at `address`, None when it does not answer in time.

    An address that needs the SDK (TLS, ssh) is not asked: it answers as itself.
    """
    connection = open_connection(address, timeout)
    if connection is None:
        return Answer("", "")
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        response.read()
        if response.status != http.client.OK:
            return None
        return Answer(response.getheader("Api-Version") or "", response.getheader("Server") or "")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


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


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def open_connection(address: str, timeout: float | None) -> http.client.HTTPConnection | None:
    """Return a plain connection to the engine, None when the address needs the SDK (TLS, ssh)."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return _UnixConnection(rest, timeout)
    if scheme in ("tcp", "http") and not rest.endswith(":2376"):
        return http.client.HTTPConnection(rest.rstrip("/"), timeout=timeout)
    return None


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
