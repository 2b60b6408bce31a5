"""Run an algorithm in a container of the Docker Engine, or of podman behind the same API."""

from __future__ import annotations

import contextlib
import platform
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines.docker_client import find, ping
from algo.engines.docker_containers import Containers, Refused
from algo.engines.docker_options import (
    CONTROL_PORT,
    GRPC_PORT,
    HOST_LABEL,
    OWNER_LABEL,
    PORT,
    SESSION_LABEL,
    plan,
    settings,
    user_for,
)
from algo.engines.errors import EngineLost, EngineUnavailable, PortTaken, StartFailed
from algo.engines.gpu import EngineGpu, GpuRequest, explain, request
from algo.engines.gpu_facts import KIND, GpuFacts, read_facts
from algo.engines.interface import (
    ControlAddress,
    Ended,
    EngineInfo,
    Image,
    Launch,
    Leftover,
    Shared,
)
from algo.engines.podman_options import in_podman
from algo.engines.ports import claim, next_free
from algo.engines.processes import Process, alive
from algo.engines.virtualenv import explain_exit, in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from algo.engines.sessions import Session, Sessions


class DockerEngine:
    """Runs containers.

    Args:
        sessions: Where what runs is written down.
        env: The environment: where the engine is, and its certificates.
        home: The user's home, which may hold a docker context.
        gpu: Reads what GPUs this machine has.
    """

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
        self._address = find(env, home)
        self._gpu = gpu
        tls = env.get("DOCKER_TLS_VERIFY") and self._address.startswith("tcp:")
        folder = Path(env.get("DOCKER_CERT_PATH") or home / ".docker")
        self._containers = Containers(self._address, folder if tls else None)

    def answers(self) -> bool:
        """Tell, within 0.3 s, whether an engine is there."""
        return ping(self._address) is not None

    def check(self) -> EngineInfo:
        """Return the engine's own version.

        Raises:
            EngineUnavailable: It does not answer.
        """
        with _spoken():
            found = self._containers.version()
        detail = f"API {found.api_version} at {self._address}"
        return EngineInfo(self.name, found.version, detail)

    def start(self, launch: Launch, log: Callable[[str], None]) -> ContainerInstance:
        """Create and start a container.

        Raises:
            EngineUnavailable: The engine does not answer.
            PortTaken: Something else listens on the port.
            GpuUnavailable: A GPU was asked for and cannot be given.
            FolderUnreadable: The container's user cannot read the working tree.
            StartFailed: The engine refused, or lacks the image.
        """
        for port in filter(None, (launch.port, launch.grpc_port)):
            claim(launch.host, port)
        gpu = request(launch.gpu, self._gpu(), self.gpu_support()) if launch.gpu else None
        user = user_for(launch.folder) if launch.folder else ""
        session = self._sessions.create(
            self.name, launch.name, str(launch.folder or "") if launch.shared else ""
        )
        token = secrets.token_urlsafe(24) if launch.development else ""
        container = ""
        try:
            with _spoken(launch):
                container = self._create(launch, session, user, token, gpu)
                self._sessions.update(session.id, container=container)
                self._containers.start(container)
                instance = self._instance(launch, session, container, token)
        except BaseException:
            with contextlib.suppress(EngineUnavailable, Refused):
                if container:
                    self._containers.remove(container)
                self._sessions.remove(session.id)
            raise
        instance.follow(log)
        return instance

    def gpu_support(self) -> EngineGpu:
        """Return what the engine can do with GPUs."""
        with _spoken():
            info = self._containers.info()
        pinged = ping(self._address)
        podman = pinged is not None and pinged.server.startswith("Libpod")
        found = [device.ID.partition("=") for device in info.discovered_devices or ()]
        return EngineGpu(
            cdi=podman or bool(info.cdi_spec_dirs),
            devices=tuple(name for kind, _, name in found if kind == KIND),
            # Podman names every runtime that it would know.
            nvidia_runtime="nvidia" in (info.runtimes or {}) and not podman,
            podman=podman,
            desktop=info.operating_system == "Docker Desktop",
            local=self._address.startswith("unix:"),
        )

    def require_gpu(self, wanted: str) -> None:
        """Refuse when the engine cannot give the GPUs `wanted` (`Engine.require_gpu`)."""
        request(wanted, self._gpu(), self.gpu_support())

    def leftovers(self) -> list[Leftover]:
        """Return containers and sessions whose command is gone."""
        ours = {session.id for session in self._sessions.all() if session.engine == self.name}
        found = [item for item in self._sessions.leftovers() if item.name in ours]
        if not self.answers():
            return found
        with _spoken():
            containers = self._containers.find(SESSION_LABEL)
        for container in containers:
            labels = container.labels or {}
            here = labels.get(HOST_LABEL) == platform.node()
            if here and not _owned(labels.get(OWNER_LABEL, "")):
                name = container.names[0].lstrip("/") if container.names else container.id
                text = f"{name}, {container.status.lower()}"
                found.append(Leftover("container", container.id, text))
        return found

    def remove(self, leftover: Leftover) -> None:
        """Remove a container or a session that a killed command left."""
        if leftover.kind == "session":
            self._sessions.clean(leftover)
            return
        with _spoken():
            self._containers.remove(leftover.name)

    def _create(
        self, launch: Launch, session: Session, user: str, token: str, gpu: GpuRequest | None
    ) -> str:
        assert isinstance(launch.artifact, Image)
        planned = plan(
            launch,
            launch.artifact.reference,
            session=session.id,
            user=user,
            owner=f"{session.owner.pid}:{session.owner.began}",
            machine=platform.node(),
            token=token,
            gpu=gpu,
            env=self._env,
        )
        words = self._containers.command_of(planned.image).words
        if gpu is not None and gpu.way == "podman":
            return self._containers.create(planned.name, in_podman(planned, words), podman=True)
        return self._containers.create(planned.name, settings(planned, words))

    def _instance(
        self, launch: Launch, session: Session, container: str, token: str
    ) -> ContainerInstance:
        found = self._containers.inspect(container)
        port = found.port(PORT) if found else None
        if found is None or port is None:
            last = "\n".join(self._containers.lines(container))
            raise StartFailed("the container ended at once", details=last)
        url = f"http://{self._reach(launch.host)}:{port}"
        self._sessions.update(session.id, url=url)
        control = f"tcp:{self._reach('127.0.0.1')}:{found.port(CONTROL_PORT)}"
        grpc = f"{self._reach(launch.host)}:{found.port(GRPC_PORT)}"
        return ContainerInstance(
            url=url,
            grpc="" if launch.grpc_port is None else grpc,
            session=session.id,
            control=ControlAddress(control, token) if token else None,
            container=container,
            shared=None,
            _containers=self._containers,
            _sessions=self._sessions,
        )

    def _reach(self, host: str) -> str:
        """Return the host at which a published port answers us."""
        scheme, _, rest = self._address.partition("://")
        return rest.split(":")[0] if scheme == "tcp" else in_url(host)


@dataclass(slots=True)
class ContainerInstance:
    """A running container."""

    url: str
    grpc: str
    session: str
    control: ControlAddress | None
    container: str
    shared: Shared | None
    _containers: Containers
    _sessions: Sessions
    _silent: threading.Event = field(default_factory=threading.Event)
    _stopped: bool = False

    def follow(self, log: Callable[[str], None]) -> None:
        """Pass on the container's lines, from its first, in a thread until they end."""

        def read() -> None:
            # The engine's end of the stream breaks when the engine is killed.
            with contextlib.suppress(Exception):
                for line in self._containers.lines(self.container):
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
        try:
            with _spoken():
                found = self._containers.inspect(self.container)
        except EngineUnavailable as error:
            raise EngineLost(f"{error.message}: it went away while it ran the algorithm") from error
        if found is None:
            return Ended(1, "its container was removed")
        if found.state.running:
            return None
        code = found.state.exit_code
        if found.state.oom_killed:
            return Ended(code, "it ran out of memory")
        return Ended(code, explain_exit(128 - code if code > 128 else code))

    def stop(self, grace: float = 3.0) -> None:
        """End the container and remove it: calls in flight get `grace` seconds."""
        if self._stopped:
            return
        try:
            self._containers.stop(self.container, max(1, round(grace)))
            self._containers.remove(self.container)
        except (EngineUnavailable, Refused):
            # The record stays, so that `algo doctor --fix` finds the container.
            return
        self._stopped = True
        self._sessions.remove(self.session)


def _owned(owner: str) -> bool:
    pid, _, began = owner.partition(":")
    return pid.isdigit() and alive(Process(int(pid), began))


@contextlib.contextmanager
def _spoken(launch: Launch | None = None) -> Iterator[None]:
    """Turn an engine's refusal into one of our errors."""
    try:
        yield
    except Refused as refused:
        text = str(refused)
        busy = "already allocated" in text or "address already in use" in text
        if launch is not None and launch.port and busy:
            hint = f"pass --port {next_free(launch.host, launch.port)}, or --port 0"
            message = f"port {launch.port} of {launch.host} is taken"
            raise PortTaken(message, hint=hint) from refused
        explained = explain(text) if launch is not None and launch.gpu else None
        if explained is not None:
            raise explained from refused
        raise StartFailed(f"the container engine refused: {text}") from refused
