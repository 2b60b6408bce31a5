"""Containers of an engine, spoken to in its own HTTP API.

The SDK takes 0.22 s to load, of the 1.5 s in which `algo serve` is to be ready; these are the
few calls that a start needs (Docker Engine API 1.41, which podman answers, too).
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from algo.engines.connection import open_connection
from algo.engines.errors import EngineUnavailable
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TIMEOUT = 20.0
_HEADER = 8
# Podman 4 and 5 answer to this version.
LIBPOD = "/v4.0.0/libpod/containers/create"
_GONE = (http.client.NOT_FOUND, http.client.NOT_MODIFIED, http.client.CONFLICT)


class Refused(Exception):
    """The engine answered, and did not do it; the text is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Lifeline(Value, frozen=True):
    """The open standard input of a container; both are kept, as either may hold the socket."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse

    def close(self) -> None:
        """Close it."""
        self.response.close()
        self.connection.close()


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """How a container stands."""

    running: bool = False
    exit_code: int = 0
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")


class Binding(msgspec.Struct, frozen=True, rename="pascal"):
    """Where a port is published."""

    host_ip: str = ""
    host_port: str = ""


class _Network(msgspec.Struct, frozen=True, rename="pascal"):
    ports: dict[str, list[Binding] | None] | None = None


class _Mount(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = ""
    destination: str = ""


class Container(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine says of one container."""

    state: State = State()
    network_settings: _Network = _Network()
    mounts: tuple[_Mount, ...] = ()

    def port(self, inside: int) -> int | None:
        """Return the host's port for the port `inside`, None when it is not published."""
        bindings = (self.network_settings.ports or {}).get(f"{inside}/tcp")
        return int(bindings[0].host_port) if bindings else None


class Listed(msgspec.Struct, frozen=True, rename="pascal"):
    """A container in a list."""

    id: str
    names: tuple[str, ...] = ()
    status: str = ""
    labels: dict[str, str] | None = None


class ImageCommand(msgspec.Struct, frozen=True, rename="pascal"):
    """What an image runs."""

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None

    @property
    def words(self) -> list[str]:
        """The whole command."""
        return [*(self.entrypoint or ()), *(self.cmd or ())]


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """The engine's version."""

    version: str = "?"
    api_version: str = "?"


class Device(msgspec.Struct, frozen=True):
    """A device that the engine found in a CDI file."""

    ID: str = ""


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine can do with GPUs."""

    runtimes: dict[str, Any] | None = None
    cdi_spec_dirs: tuple[str, ...] | None = msgspec.field(default=None, name="CDISpecDirs")
    discovered_devices: tuple[Device, ...] | None = None
    operating_system: str = ""


class _Image(msgspec.Struct, frozen=True, rename="pascal"):
    config: ImageCommand = ImageCommand()


class _OfImage(msgspec.Struct, frozen=True):
    image_id: str = msgspec.field(default="", name="ImageID")


class _Volume(msgspec.Struct, frozen=True, rename="pascal"):
    name: str


class _Volumes(msgspec.Struct, frozen=True, rename="pascal"):
    volumes: tuple[_Volume, ...] | None = None


class _Created(msgspec.Struct, frozen=True, rename="pascal"):
    id: str


class _Message(msgspec.Struct, frozen=True):
    message: str = ""


class Containers(Value, frozen=True):
    """The containers of the engine at `address`; `certificates` is the folder for one with TLS.

    Every method raises `EngineUnavailable` when it does not answer and `Refused` when it
    answers with an error.
    """

    address: str
    certificates: Path | None = None

    def version(self) -> Version:
        """Return the engine's version."""
        return msgspec.json.decode(self._call("GET", "/version"), type=Version)

    def info(self) -> Info:
        """Return what the engine can do."""
        return msgspec.json.decode(self._call("GET", "/info"), type=Info)

    def command_of(self, image: str) -> ImageCommand:
        """Return what `image` runs."""
        body = self._call("GET", f"/images/{quote(image, safe='/:@')}/json")
        return msgspec.json.decode(body, type=_Image).config

    def create(self, name: str, settings: Mapping[str, Any], *, podman: bool = False) -> str:
        """Create a container of the engine's own `settings` and return its id.

        With `podman` they are those of podman's own API, which has the name among them.
        """
        path = f"/containers/create?{urlencode({'name': name})}"
        body = self._call("POST", LIBPOD if podman else path, msgspec.json.encode(settings))
        return msgspec.json.decode(body, type=_Created).id

    def lifeline(self, container: str) -> Lifeline:
        """Open the standard input of a container, which closes when this process ends."""
        connection = self._connect(_TIMEOUT)
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        try:
            path = f"/containers/{container}/attach?stream=1&stdin=1"
            connection.request("POST", path, headers=headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise EngineUnavailable(
                f"no container engine answers at {self.address}: {error}"
            ) from error
        if response.status not in (http.client.SWITCHING_PROTOCOLS, http.client.OK):
            refused = Refused(response.status, _message(response.read()))
            connection.close()
            raise refused
        return Lifeline(connection, response)

    def start(self, container: str) -> None:
        """Start a container."""
        self._call("POST", f"/containers/{container}/start")

    def inspect(self, container: str) -> Container | None:
        """Return what the engine says of a container, None when it is gone."""
        try:
            body = self._call("GET", f"/containers/{container}/json")
        except Refused as refused:
            if refused.status == http.client.NOT_FOUND:
                return None
            raise
        return msgspec.json.decode(body, type=Container)

    def find(self, label: str) -> tuple[Listed, ...]:
        """Return every container that carries `label`, running or not."""
        filters = msgspec.json.encode({"label": [label]}).decode()
        body = self._call("GET", f"/containers/json?{urlencode({'all': 1, 'filters': filters})}")
        return msgspec.json.decode(body, type=tuple[Listed, ...])

    def images(self) -> frozenset[str]:
        """Return the ids of the images that containers have, running or not."""
        body = self._call("GET", f"/containers/json?{urlencode({'all': 1})}")
        found = msgspec.json.decode(body, type=tuple[_OfImage, ...])
        return frozenset(one.image_id for one in found)

    def volumes(self, name: str) -> list[str]:
        """Return the volumes that have `name` in theirs, sorted."""
        filters = msgspec.json.encode({"name": [name]}).decode()
        body = self._call("GET", f"/volumes?{urlencode({'filters': filters})}")
        return sorted(one.name for one in msgspec.json.decode(body, type=_Volumes).volumes or ())

    def stop(self, container: str, grace: int) -> None:
        """Ask a container to end, kill it after `grace` seconds; nothing when it is gone."""
        self._forgiving("POST", f"/containers/{container}/stop?t={grace}")

    def remove(self, container: str) -> None:
        """Kill and remove a container with its volumes; nothing when it is gone."""
        self._forgiving("DELETE", f"/containers/{container}?force=1&v=1")

    def discard(self, container: str, place: str, file: str) -> None:
        """Remove a container, and the volume that it has at `place` unless `file` is in there."""
        found = self.inspect(container)
        volumes = [one.name for one in found.mounts if one.destination == place] if found else []
        unused = any(volumes) and not self.holds(container, f"{place}/{file}")
        self.remove(container)
        for name in filter(None, volumes if unused else ()):
            self.remove_volume(name)

    def holds(self, container: str, path: str) -> bool:
        """Tell whether there is a file at `path` in a container, which may have ended."""
        try:
            self._call("HEAD", f"/containers/{container}/archive?{urlencode({'path': path})}")
        except Refused as refused:
            if refused.status == http.client.NOT_FOUND:
                return False
            raise
        return True

    def remove_volume(self, name: str) -> None:
        """Remove a volume; nothing when it is gone, or another container has it."""
        self._forgiving("DELETE", f"/volumes/{quote(name)}")

    def lines(self, container: str) -> Iterator[str]:
        """Yield what a container printed and prints, line by line, until it ends."""
        connection = self._connect(None)
        query = urlencode({"follow": 1, "stdout": 1, "stderr": 1})
        try:
            connection.request("GET", f"/containers/{container}/logs?{query}")
            response = connection.getresponse()
            rests: dict[int, bytes] = {}
            while response.status == http.client.OK and (header := response.read(_HEADER)):
                # A frame: the stream's number, three zeros, the length as a big-endian u32.
                chunk = response.read(int.from_bytes(header[4:], "big"))
                *lines, rests[header[0]] = (rests.get(header[0], b"") + chunk).split(b"\n")
                for line in lines:
                    yield line.decode("utf-8", errors="replace").rstrip("\r")
            for rest in filter(None, rests.values()):
                yield rest.decode("utf-8", errors="replace")
        finally:
            connection.close()

    def _forgiving(self, method: str, path: str) -> None:
        try:
            self._call(method, path)
        except Refused as refused:
            if refused.status not in _GONE:
                raise

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = self._connect(_TIMEOUT)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineUnavailable(
                f"no container engine answers at {self.address}: {error}"
            ) from error
        finally:
            connection.close()
        if response.status >= http.client.MULTIPLE_CHOICES:
            raise Refused(response.status, _message(content))
        return content

    def _connect(self, timeout: float | None) -> http.client.HTTPConnection:
        if self.certificates is not None:
            return _with_tls(self.address, self.certificates, timeout)
        connection = open_connection(self.address, timeout)
        if connection is None:
            raise EngineUnavailable(
                f"containers cannot be run at {self.address}",
                hint="ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST, "
                "then DOCKER_HOST=unix:///tmp/docker.sock",
            )
        return connection


def _message(content: bytes) -> str:
    try:
        return msgspec.json.decode(content, type=_Message).message
    except msgspec.DecodeError:
        return content[:500].decode("utf-8", errors="replace")


def _with_tls(address: str, folder: Path, timeout: float | None) -> http.client.HTTPConnection:
    import ssl

    try:
        context = ssl.create_default_context(cafile=folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except OSError as error:
        raise EngineUnavailable(f"the engine's certificates in {folder}: {error}") from error
    where = address.partition("://")[2].rstrip("/")
    return http.client.HTTPSConnection(where, timeout=timeout, context=context)
