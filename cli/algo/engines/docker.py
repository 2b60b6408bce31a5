"""Run an algorithm in a container, through the docker SDK."""

from __future__ import annotations

import contextlib
import platform
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.engines import docker_client as endpoint
from algo.engines.docker_options import (
    CONTROL_PORT,
    HOST_LABEL,
    OWNER_LABEL,
    PORT,
    SESSION_LABEL,
    ContainerPlan,
    plan,
    user_for,
)
from algo.engines.errors import (
    EngineLost,
    EngineUnavailable,
    GpuUnavailable,
    PortTaken,
    StartFailed,
)
from algo.engines.gpu import EngineGpu, GpuFacts, GpuRequest, read_facts, request
from algo.engines.interface import ControlAddress, Ended, EngineInfo, Image, Launch, Leftover
from algo.engines.ports import claim, next_free
from algo.engines.processes import Process, alive
from algo.engines.virtualenv import explain_exit, in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from docker.api.client import APIClient
    from docker.types import DeviceRequest

    from algo.engines.sessions import Session, Sessions


class DockerEngine:
    """Runs containers in the Docker Engine, or in podman behind the same API."""

    name = "docker"
    wants_image = True

    def __init__(
        self,
        sessions: Sessions,
        env: Mapping[str, str],
        home: Path,
        gpu: Callable[[], GpuFacts] = read_facts,
    ) -> None:
        self._sessions = sessions
        self._env = env
        self._address = endpoint.find(env, home)
        self._gpu = gpu
        self._connected: APIClient | None = None

    def answers(self) -> bool:
        """Tell, within 0.3 s and without loading the SDK, whether an engine is there."""
        return endpoint.ping(self._address) is not None

    def check(self) -> EngineInfo:
        """Return the engine's own version.

        Raises:
            EngineUnavailable: It does not answer.
        """
        with _spoken(self._address):
            found = self._client().version()
        detail = f"API {found.get('ApiVersion', '?')} at {self._address}"
        return EngineInfo(self.name, str(found.get("Version", "?")), detail)

    def start(self, launch: Launch, log: Callable[[str], None]) -> ContainerInstance:
        """Create and start a container.

        Raises:
            EngineUnavailable: The engine does not answer, or lacks the image.
            PortTaken: Something else listens on the port.
            GpuUnavailable: A GPU was asked for and cannot be given.
            FolderUnreadable: The container's user cannot read the working tree.
            StartFailed: The engine refused.
        """
        assert isinstance(launch.artifact, Image)
        if launch.port:
            claim(launch.host, launch.port)
        gpu = request(launch.gpu, self._gpu(), self.gpu_support()) if launch.gpu else None
        user = user_for(launch.folder) if launch.folder else ""
        session = self._sessions.create(
            self.name, launch.name, str(launch.folder or "") if launch.shared else ""
        )
        container = ""
        try:
            with _spoken(self._address, gpu=bool(gpu), port=launch.port, host=launch.host):
                token = secrets.token_urlsafe(24) if launch.development else ""
                planned = self._plan(launch, session, user, token, gpu)
                container = _create(self._client(), planned)
                self._sessions.update(session.id, container=container)
                return self._begin(launch, session, container, token, log)
        except BaseException:
            with contextlib.suppress(Exception):
                if container:
                    self._client().remove_container(container, force=True, v=True)
                self._sessions.remove(session.id)
            raise

    def gpu_support(self) -> EngineGpu:
        """Return what the engine can do with GPUs."""
        with _spoken(self._address):
            info = self._client().info()
        return EngineGpu(
            cdi=bool(info.get("CDISpecDirs")), nvidia_runtime="nvidia" in info.get("Runtimes", {})
        )

    def leftovers(self) -> list[Leftover]:
        """Return containers and sessions whose command is gone."""
        ours = {session.id for session in self._sessions.all() if session.engine == self.name}
        found = [item for item in self._sessions.leftovers() if item.name in ours]
        if not self.answers():
            return found
        with _spoken(self._address):
            containers = self._client().containers(all=True, filters={"label": SESSION_LABEL})
        for container in containers:
            labels = container["Labels"]
            if labels.get(HOST_LABEL) == platform.node() and not _owned(labels[OWNER_LABEL]):
                text = f"{container['Names'][0].lstrip('/')}, {container['Status'].lower()}"
                found.append(Leftover("container", container["Id"], text))
        return found

    def remove(self, leftover: Leftover) -> None:
        """Remove a container or a session that a killed command left."""
        if leftover.kind == "session":
            self._sessions.clean(leftover)
            return
        from docker.errors import NotFound

        with _spoken(self._address), contextlib.suppress(NotFound):
            self._client().remove_container(leftover.name, force=True, v=True)

    def _client(self) -> APIClient:
        if self._connected is None:
            self._connected = endpoint.connect(self._address, self._env)
        return self._connected

    def _plan(
        self, launch: Launch, session: Session, user: str, token: str, gpu: GpuRequest | None
    ) -> ContainerPlan:
        assert isinstance(launch.artifact, Image)
        owner = f"{session.owner.pid}:{session.owner.began}"
        return plan(
            launch,
            launch.artifact.reference,
            session=session.id,
            user=user,
            owner=owner,
            machine=platform.node(),
            token=token,
            gpu=gpu,
        )

    def _begin(
        self,
        launch: Launch,
        session: Session,
        container: str,
        token: str,
        log: Callable[[str], None],
    ) -> ContainerInstance:
        client = self._client()
        # Attached before it starts, so that not one line is missed.
        stream = client.attach(container, stdout=True, stderr=True, stream=True)
        client.start(container)
        ports = client.inspect_container(container)["NetworkSettings"]["Ports"]
        control = None
        if token:
            port = _published(ports, CONTROL_PORT)
            control = ControlAddress(f"tcp:{self._reach('127.0.0.1')}:{port}", token)
        url = f"http://{self._reach(launch.host)}:{_published(ports, PORT)}"
        self._sessions.update(session.id, url=url)
        instance = ContainerInstance(
            url=url,
            session=session.id,
            control=control,
            container=container,
            _engine=self._address,
            _client=client,
            _sessions=self._sessions,
        )
        instance.follow(stream, log)
        return instance

    def _reach(self, host: str) -> str:
        """Return the host at which a published port answers us."""
        scheme, _, rest = self._address.partition("://")
        return rest.split(":")[0] if scheme == "tcp" else in_url(host)


@dataclass(slots=True)
class ContainerInstance:
    """A running container."""

    url: str
    session: str
    control: ControlAddress | None
    container: str
    _engine: str
    _client: APIClient
    _sessions: Sessions
    _silent: threading.Event = field(default_factory=threading.Event)
    _stopped: bool = False

    def follow(self, stream: Iterable[bytes], log: Callable[[str], None]) -> None:
        """Pass on the container's lines from a thread of its own, until they end."""

        def read() -> None:
            # The engine's end of the stream breaks when the engine is killed.
            with contextlib.suppress(Exception):
                for line in _lines(stream):
                    log(line)
            self._silent.set()

        threading.Thread(target=read, daemon=True).start()

    def ended(self) -> Ended | None:
        """Return how the container ended, None while it runs.

        Raises:
            EngineLost: The engine does not answer any more.
        """
        if not self._silent.is_set():
            return None
        from docker.errors import NotFound

        try:
            with _spoken(self._engine):
                state = self._client.inspect_container(self.container)["State"]
        except NotFound:
            return Ended(1, "its container was removed")
        except EngineUnavailable as error:
            raise EngineLost(
                f"the container engine at {self._engine} went away while it ran the algorithm"
            ) from error
        if state.get("Running"):
            return None
        code = int(state.get("ExitCode", 1))
        if state.get("OOMKilled"):
            return Ended(code, "it ran out of memory")
        return Ended(code, explain_exit(128 - code if code > 128 else code))

    def stop(self, grace: float = 3.0) -> None:
        """End the container and remove it: calls in flight get `grace` seconds."""
        if self._stopped:
            return
        from docker.errors import NotFound

        try:
            with _spoken(self._engine), contextlib.suppress(NotFound):
                self._client.stop(self.container, timeout=max(1, round(grace)))
                self._client.remove_container(self.container, force=True, v=True)
        except EngineUnavailable:
            # The record stays, so that `algo doctor --fix` finds the container.
            return
        self._stopped = True
        self._sessions.remove(self.session)


def _create(client: APIClient, planned: ContainerPlan) -> str:
    """Create the container of `planned` and return its id."""
    from docker.types import LogConfig

    image = client.inspect_image(planned.image)["Config"]  # type: ignore[no-untyped-call]
    words = [*(image.get("Entrypoint") or []), *(image.get("Cmd") or []), *planned.command]
    host = client.create_host_config(
        binds=list(planned.binds),
        port_bindings={p.inside: (p.host, p.port or None) for p in planned.publish},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
        tmpfs=planned.tmpfs,
        mem_limit=planned.memory or None,
        nano_cpus=planned.nano_cpus or None,
        pids_limit=planned.processes or None,
        device_requests=_devices(planned.gpu),
        log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
    )
    created = client.create_container(
        planned.image,
        entrypoint=words[:1],
        command=words[1:],
        name=planned.name,
        user=planned.user or None,
        environment=planned.environment,
        labels=planned.labels,
        ports=[p.inside for p in planned.publish],
        host_config=host,
    )
    return str(created["Id"])


def _devices(gpu: GpuRequest | None) -> list[DeviceRequest] | None:
    from docker.types import DeviceRequest

    if gpu is None:
        return None
    if gpu.cdi:
        return [DeviceRequest(driver="cdi", device_ids=list(gpu.cdi))]
    capabilities = [["gpu"]]
    if gpu.ids:
        return [DeviceRequest(driver="nvidia", device_ids=list(gpu.ids), capabilities=capabilities)]
    return [DeviceRequest(driver="nvidia", count=-1, capabilities=capabilities)]


def _published(ports: Mapping[str, list[dict[str, str]] | None], inside: int) -> int:
    found = ports.get(f"{inside}/tcp")
    if not found:
        raise StartFailed("the container ended before its port was published")
    return int(found[0]["HostPort"])


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", errors="replace")


def _owned(owner: str) -> bool:
    pid, _, began = owner.partition(":")
    return pid.isdigit() and alive(Process(int(pid), began))


@contextlib.contextmanager
def _spoken(address: str, *, gpu: bool = False, port: int = 0, host: str = "") -> Iterator[None]:
    """Turn what the SDK raises into our errors; a missing container stays the SDK's NotFound."""
    import requests
    from docker.errors import APIError, DockerException, ImageNotFound, NotFound

    try:
        yield
    except ImageNotFound as error:
        raise StartFailed(f"the engine lacks the image: {error.explanation}") from error
    except NotFound:
        raise
    except APIError as error:
        text = str(error.explanation or error)
        if port and ("already allocated" in text or "address already in use" in text):
            hint = f"pass --port {next_free(host, port)}, or --port 0"
            raise PortTaken(f"port {port} of {host} is taken", hint=hint) from error
        if gpu and ("device" in text or "nvidia" in text):
            raise GpuUnavailable(f"the engine cannot give the GPU: {text}") from error
        raise StartFailed(f"the container engine refused: {text}") from error
    except (requests.exceptions.RequestException, DockerException) as error:
        raise EngineUnavailable(f"no container engine answers at {address}") from error
