"""How a container of ours is locked up: pure, so that a test can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo.engines.errors import FolderUnreadable
from algo.engines.gpu import ALL
from algo.engines.interface import GPU, Surroundings
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from algo.engines.gpu import GpuRequest
    from algo.engines.interface import Launch

APP = "/opt/algo/app"
TOKENS = "/opt/algo/tokens.json"
# Of code that was written for Algorithmia: what it writes, and the way to other algorithms.
DATA, CALLS = "/opt/algo/data", "/opt/algo/calls"
# A folder of the session: packages that were installed meanwhile, and the door.
SESSION = "/opt/algo/session"
PORT = 8080
CONTROL_PORT = 8081
GRPC_PORT = 8082
SESSION_LABEL = "dev.algo.session"
OWNER_LABEL = "dev.algo.owner"
HOST_LABEL = "dev.algo.host"
# Where an image keeps jobs (ALGO_JOBS): a volume that outlives its container goes there.
JOBS = "/var/lib/algo"
# What the gateway keeps them in, once there was one.
JOBS_FILE = "jobs.sqlite3"
# What the gateway in a container is given of our own environment.
_PASSED = ("ALGO_WEBHOOK_SECRET",)
WSL_LIBRARIES = "/usr/lib/wsl"
_WSL_NODE = {"PathOnHost": "/dev/dxg", "PathInContainer": "/dev/dxg", "CgroupPermissions": "rwm"}

# Whoever runs the container, these may be written; everything else is read-only.
_TMPFS = {"/tmp": "rw,nosuid,nodev,size=1g,mode=1777", "/run": "rw,nosuid,nodev,mode=1777"}


class Publish(Value, frozen=True):
    """A port of the container made reachable: address and port on the host, 0 for any."""

    inside: int
    host: str
    port: int


class ContainerPlan(Value, frozen=True):
    """Everything that decides what a container may do, before it becomes the engine's words."""

    image: str
    name: str
    user: str
    environment: dict[str, str]
    labels: dict[str, str]
    binds: tuple[str, ...]
    publish: tuple[Publish, ...]
    memory: int
    nano_cpus: int
    processes: int
    gpu: GpuRequest | None
    command: tuple[str, ...]
    tmpfs: dict[str, str]
    volumes: dict[str, str]
    lifeline: bool = False


def plan(
    launch: Launch,
    image: str,
    *,
    session: str,
    user: str,
    owner: str,
    machine: str,
    token: str,
    gpu: GpuRequest | None,
    env: Mapping[str, str] | None = None,
    shared: Path | None = None,
    door: str = "",
    number: int = 1,
    lifeline: bool = False,
) -> ContainerPlan:
    """Return the plan of the container that runs `launch`.

    Args:
        launch: What to run.
        image: What the engine knows the image by.
        session: The id of the session record, which becomes a label.
        user: `uid:gid`, or empty for the image's own user.
        owner: The command that starts it, for `algo doctor`.
        machine: The name of this machine, for the same.
        token: What the control endpoint wants; empty for no control endpoint.
        gpu: How to ask for GPUs.
        env: Our own environment.
        shared: A folder of this machine for `SESSION`.
        door: The name in it of the socket by which the gateway gets the one to listen on; empty
            where the engine publishes a port.
        number: Which container of the session it is; from the second on it accepts when told to.
        lifeline: Its standard input stays open as long as we live; it ends when that closes.
    """
    environment = {"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", **_gpu_environment(gpu)}
    environment |= {name: value for name, value in (env or {}).items() if _passes(name)}
    if launch.jobs is not None:
        environment["ALGO_JOBS"] = JOBS
    environment |= launch.access.environment(TOKENS)
    if launch.around is not None:
        environment |= Surroundings.environment(DATA, CALLS)
    publish = [] if door else [Publish(PORT, launch.host, launch.port)]
    command = []
    if token:
        environment["ALGO_CONTROL_TOKEN"] = token
        publish.append(Publish(CONTROL_PORT, "127.0.0.1", 0))
        command = ["--development", "--control", f"tcp:0.0.0.0:{CONTROL_PORT}"]
    if launch.grpc_port is not None:
        publish.append(Publish(GRPC_PORT, launch.host, launch.grpc_port))
        command += ["--grpc-port", str(GRPC_PORT)]
    if door:
        command += ["--door", f"{SESSION}/{door}", *(["--standby"] if number > 1 else [])]
    if lifeline:
        command += ["--lifeline", "0"]
    name = f"algo-{launch.name.replace('/', '-')}-{session}"
    return ContainerPlan(
        image=image,
        name=name if number == 1 else f"{name}-{number}",
        user=user,
        environment=environment,
        labels={SESSION_LABEL: session, OWNER_LABEL: owner, HOST_LABEL: machine},
        binds=(*_binds(launch), *([f"{shared}:{SESSION}:ro"] if shared else [])),
        publish=tuple(publish),
        memory=launch.limits.memory,
        nano_cpus=int(launch.limits.cpus * 1e9),
        processes=launch.limits.processes,
        gpu=gpu,
        command=tuple(command),
        tmpfs=dict(_TMPFS),
        volumes={f"algo-jobs-{launch.jobs.name}": JOBS} if launch.jobs else {},
        lifeline=lifeline,
    )


def settings(planned: ContainerPlan, words: Sequence[str]) -> dict[str, Any]:
    """Return `planned` as the engine's API takes it.

    Args:
        planned: What the container may do.
        words: The image's own command, to which the plan's is added.
    """
    words = [*words, *planned.command]
    published = {
        f"{one.inside}/tcp": [{"HostIp": one.host, "HostPort": str(one.port or "")}]
        for one in planned.publish
    }
    gpu = planned.gpu
    wsl = gpu is not None and gpu.way == "wsl"
    libraries = [f"{WSL_LIBRARIES}:{WSL_LIBRARIES}:ro"] if wsl else []
    volumes = [f"{name}:{place}" for name, place in planned.volumes.items()]
    host = {
        "Binds": [*planned.binds, *volumes, *libraries],
        "PortBindings": published,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "Tmpfs": planned.tmpfs,
        "Memory": planned.memory,
        "NanoCpus": planned.nano_cpus,
        "PidsLimit": planned.processes or None,
        "DeviceRequests": _device_requests(gpu),
        "Devices": [_WSL_NODE] if wsl else [],
        **({"Runtime": "nvidia"} if gpu is not None and gpu.way == "runtime" else {}),
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    }
    return {
        "Image": planned.image,
        "User": planned.user,
        "Entrypoint": words[:1],
        "Cmd": words[1:],
        "Env": [f"{name}={value}" for name, value in planned.environment.items()],
        "Labels": planned.labels,
        "OpenStdin": planned.lifeline,
        "StdinOnce": planned.lifeline,
        "AttachStdin": planned.lifeline,
        "ExposedPorts": {port: {} for port in published},
        "HostConfig": host,
    }


def _passes(name: str) -> bool:
    return name in _PASSED or name.startswith("OTEL_")


def _binds(launch: Launch) -> tuple[str, ...]:
    folder = [f"{launch.folder}:{APP}:ro"] if launch.folder else []
    tokens = [f"{launch.access.tokens}:{TOKENS}:ro"] if launch.access.tokens else []
    around = launch.around
    data = [f"{around.data}:{DATA}:rw", f"{around.calls}:{CALLS}:ro"] if around else []
    return (*folder, *tokens, *data)


def _device_requests(gpu: GpuRequest | None) -> list[dict[str, Any]] | None:
    if gpu is None or gpu.way not in ("cdi", "request"):
        return None
    if gpu.way == "cdi":
        return [{"Driver": "cdi", "DeviceIDs": list(gpu.devices)}]
    which: dict[str, Any] = {"DeviceIDs": list(gpu.devices)}
    if gpu.devices == (ALL,):
        which = {"Count": -1}
    return [{"Capabilities": [["gpu"]], **which}]


def _gpu_environment(gpu: GpuRequest | None) -> dict[str, str]:
    if gpu is None:
        return {}
    if gpu.way == "runtime":
        # What the nvidia runtime reads: which GPUs, and which of the driver's libraries.
        return {
            GPU: "1",
            "NVIDIA_VISIBLE_DEVICES": ",".join(gpu.devices),
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        }
    if gpu.way == "wsl":
        return {GPU: "1", "LD_LIBRARY_PATH": f"{WSL_LIBRARIES}/lib"}
    return {GPU: "1"}


def user_for(folder: Path) -> str:
    """Return the `uid:gid` that can read the working tree, empty for the image's own user.

    The folder's owner runs the container, unless that is root: the image's user is none,
    and reads what everybody may.

    Raises:
        FolderUnreadable: The folder is root's and closed to others.
    """
    status = folder.stat()
    if status.st_uid != 0:
        return f"{status.st_uid}:{status.st_gid}"
    if status.st_mode & 0o005 != 0o005:
        raise FolderUnreadable(
            f"{folder} is root's and closed to others; the container does not run as root",
            hint=f"chmod -R o+rX {folder}",
        )
    return ""
