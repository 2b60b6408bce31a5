"""Run an algorithm in a container of the Docker Engine, or of podman behind the same API."""

from __future__ import annotations

import contextlib
import platform
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines.docker_client import find, ping
from algo.engines.docker_containers import Containers, Refused
from algo.engines.docker_instance import ContainerInstance, spoken
from algo.engines.docker_options import (
    CONTROL_PORT,
    GRPC_PORT,
    HOST_LABEL,
    JOBS,
    JOBS_FILE,
    OWNER_LABEL,
    PORT,
    SESSION,
    SESSION_LABEL,
    plan,
    settings,
    user_for,
)
from algo.engines.door import NAME, Door
from algo.engines.errors import EngineUnavailable, StartFailed
from algo.engines.gpu import EngineGpu, request
from algo.engines.gpu_facts import KIND, GpuFacts, read_facts
from algo.engines.interface import (
    ControlAddress,
    EngineInfo,
    Image,
    Launch,
    Leftover,
    Shared,
)
from algo.engines.podman_options import in_podman
from algo.engines.ports import claim
from algo.engines.processes import Process, alive
from algo.engines.virtualenv import in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from algo.engines.docker_options import ContainerPlan
    from algo.engines.interface import Instance
    from algo.engines.sessions import Session, Sessions

# How long a gateway may take to ask for its socket, and its exit code when it cannot have it.
_PATIENCE = 20.0
_NO_DOOR = 75


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
        """Tell whether an engine is there; where nothing listens, within 0.3 s."""
        return ping(self._address) is not None

    def check(self) -> EngineInfo:
        """Return the engine's own version.

        Raises:
            EngineUnavailable: It does not answer.
        """
        with spoken():
            found = self._containers.version()
        detail = f"API {found.api_version} at {self._address}"
        return EngineInfo(self.name, found.version, detail)

    def start(self, launch: Launch, log: Callable[[str], None]) -> ContainerInstance:
        """Create and start a container.

        In development the port is ours, and the gateway gets its socket through a door, so that
        another container can take over. Where that does not work, the engine publishes the port.

        Raises:
            EngineUnavailable: The engine does not answer.
            PortTaken: Something else listens on the port.
            GpuUnavailable: A GPU was asked for and cannot be given.
            FolderUnreadable: The container's user cannot read the working tree.
            StartFailed: The engine refused, or lacks the image.
        """
        self.sweep()
        for port in filter(None, (launch.port, launch.grpc_port)):
            claim(launch.host, port)
        session = self._sessions.create(
            self.name, launch.name, str(launch.folder or "") if launch.shared else ""
        )
        door: Door | None = None
        try:
            shared = self._shared(session.id) if launch.development else None
            if shared is not None and self._gives_descriptors():
                door = Door.open(shared.here, launch.host, launch.port)
            instance = self._run(launch, log, session, shared, door)
            if door is not None and not _taken(door, instance):
                # Neither a virtual machine between us nor a policy lets descriptors through.
                self._containers.remove(instance.container)
                door.close()
                door = None
                instance = self._run(launch, log, session, shared, None)
        except BaseException:
            if door is not None:
                door.close()
            self._sessions.remove(session.id)
            raise
        self._sessions.update(session.id, container=instance.container, url=instance.url)
        return instance

    def beside(
        self, instance: Instance, launch: Launch, log: Callable[[str], None]
    ) -> ContainerInstance | None:
        """Start another container on the same door (`Engine.beside`); None where there is none.

        The port of gRPC is the engine's, and the old container's.
        """
        assert isinstance(instance, ContainerInstance)
        if instance.door is None or launch.grpc_port is not None:
            return None
        session = self._sessions.read(instance.session)
        number = instance.number + 1
        return self._run(launch, log, session, instance.shared, instance.door, number)

    def _run(
        self,
        launch: Launch,
        log: Callable[[str], None],
        session: Session,
        shared: Shared | None,
        door: Door | None,
        number: int = 1,
    ) -> ContainerInstance:
        gpu = request(launch.gpu, self._gpu(), self.gpu_support()) if launch.gpu else None
        token = secrets.token_urlsafe(24) if launch.development else ""
        assert isinstance(launch.artifact, Image)
        planned = plan(
            launch,
            launch.artifact.reference,
            session=session.id,
            user=user_for(launch.folder) if launch.folder else "",
            owner=f"{session.owner.pid}:{session.owner.began}",
            machine=platform.node(),
            token=token,
            gpu=gpu,
            shared=shared.here if shared else None,
            door=NAME if door else "",
            number=number,
            env=self._env,
            lifeline=not self._is_podman(),
        )
        container, lifeline = "", None
        try:
            with spoken(launch):
                container = self._create(planned)
                if number == 1:
                    self._sessions.update(session.id, container=container)
                if planned.lifeline:
                    lifeline = self._containers.lifeline(container)
                self._containers.start(container)
                url, control, grpc = self._addresses(launch, container, door)
        except BaseException:
            with contextlib.suppress(EngineUnavailable, Refused):
                if container:
                    self._containers.discard(container, JOBS, JOBS_FILE)
            if lifeline is not None:
                lifeline.close()
            raise
        instance = ContainerInstance(
            url=url,
            grpc=grpc,
            session=session.id,
            control=ControlAddress(control, token) if token else None,
            container=container,
            shared=shared,
            door=door,
            number=number,
            _containers=self._containers,
            _sessions=self._sessions,
            _leads=number == 1,
            _lifeline=lifeline,
        )
        instance.follow(log)
        return instance

    def gpu_support(self) -> EngineGpu:
        """Return what the engine can do with GPUs."""
        with spoken():
            info = self._containers.info()
        podman = self._is_podman()
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
        with spoken():
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
        with spoken():
            self._containers.discard(leftover.name, JOBS, JOBS_FILE)

    def sweep(self) -> None:
        """Remove containers of this user whose command was killed (`Engine.sweep`).

        Docker's end by themselves; podman keeps them, and they keep their address.
        """
        for session in self._sessions.all():
            if session.engine != self.name or not (session.container and session.abandoned):
                continue
            with contextlib.suppress(EngineUnavailable, Refused):
                left = self._containers.find(f"{SESSION_LABEL}={session.id}")
                # With folders that several machines share, a command may live on another one.
                if any((one.labels or {}).get(HOST_LABEL) != platform.node() for one in left):
                    continue
                for container in left:
                    self._containers.discard(container.id, JOBS, JOBS_FILE)
                self._sessions.remove(session.id)

    def _create(self, planned: ContainerPlan) -> str:
        words = self._containers.command_of(planned.image).words
        if planned.gpu is not None and planned.gpu.way == "podman":
            return self._containers.create(planned.name, in_podman(planned, words), podman=True)
        return self._containers.create(planned.name, settings(planned, words))

    def _addresses(self, launch: Launch, container: str, door: Door | None) -> tuple[str, str, str]:
        """Return where a container that was started answers HTTP, control and gRPC."""
        found = self._containers.inspect(container)
        port = door.port if door is not None else found.port(PORT) if found is not None else None
        if found is None or port is None:
            last = "\n".join(self._containers.lines(container))
            raise StartFailed("the container ended at once", details=last)
        url = f"http://{self._reach(launch.host)}:{port}"
        control = f"tcp:{self._reach('127.0.0.1')}:{found.port(CONTROL_PORT)}"
        grpc = f"{self._reach(launch.host)}:{found.port(GRPC_PORT)}"
        return url, control, "" if launch.grpc_port is None else grpc

    def _is_podman(self) -> bool:
        pinged = ping(self._address)
        return pinged is not None and pinged.server.startswith("Libpod")

    def _shared(self, session: str) -> Shared | None:
        """Make the folder of a session that its containers read; None where none reaches them."""
        if not self._address.startswith("unix:"):
            return None
        here = self._sessions.folder(session) / "shared"
        here.mkdir(mode=0o755)
        here.chmod(0o755)
        return Shared(here, SESSION)

    def _gives_descriptors(self) -> bool:
        """Tell whether the engine may be on this very kernel, so that descriptors come through."""
        return sys.platform == "linux" and self._address.startswith("unix:")

    def _reach(self, host: str) -> str:
        """Return the host at which a published port answers us."""
        scheme, _, rest = self._address.partition("://")
        return rest.split(":")[0] if scheme == "tcp" else in_url(host)


def _taken(door: Door, instance: ContainerInstance) -> bool:
    """Tell whether the gateway got its socket; why it ended without one it tells itself."""
    end = time.monotonic() + _PATIENCE
    while not door.given(0.05):
        ended = instance.ended()
        if ended is not None:
            return ended.code != _NO_DOOR
        if time.monotonic() > end:
            return False
    return True


def _owned(owner: str) -> bool:
    pid, _, began = owner.partition(":")
    return pid.isdigit() and alive(Process(int(pid), began))
