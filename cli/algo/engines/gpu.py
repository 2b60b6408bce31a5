"""GPUs: how to ask an engine for them, and what to do when it cannot give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from algo.engines.errors import GpuInvalid, GpuUnavailable
from algo.engines.gpu_facts import KIND, WSL
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.engines.gpu_facts import GpuFacts

ALL = "all"
GENERATE = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
CONFIGURE = "nvidia-ctk runtime configure --runtime=docker && systemctl restart docker"

_NVIDIA = re.compile(r"nvidia-container|nvidia\.com/gpu|libnvidia|nvml|/dev/nvidia")
_ID = re.compile(r"\d+|(?:GPU|MIG)-[\w/-]+|\d+:\d+")
# What installs the driver, by distribution.
_DRIVER_OF = {
    "ubuntu": "ubuntu-drivers install",
    "debian": "apt-get install nvidia-driver",
    "fedora": "dnf install akmod-nvidia",
    "rhel": "dnf module install nvidia-driver",
}
_INSTALL = {"fedora": "dnf install", "rhel": "dnf install", "suse": "zypper install"}


class Wanted(Value, frozen=True):
    """Which GPUs: those with `ids`, else `count` of them, else all."""

    count: int = 0
    ids: tuple[str, ...] = ()

    @property
    def all(self) -> bool:
        """Whether every GPU is wanted."""
        return not self.count and not self.ids


class EngineGpu(Value, frozen=True):
    """What a container engine has.

    Attributes:
        cdi: It takes CDI devices.
        devices: The GPUs that it found in CDI files itself, where it says so (Docker 28.2).
        nvidia_runtime: It has the runtime `nvidia`.
        podman: It is podman, which takes CDI devices in its own API only.
        desktop: It is Docker Desktop, which has the driver of Windows.
        local: It runs on this machine, so that this machine's files are its own.
    """

    cdi: bool = False
    devices: tuple[str, ...] = ()
    nvidia_runtime: bool = False
    podman: bool = False
    desktop: bool = False
    local: bool = True


class GpuRequest(Value, frozen=True):
    """How to ask the engine for `devices`.

    `cdi` by their full names, `podman` the same in podman's API; `runtime` by ids for the
    nvidia runtime; `request` by ids in Docker's own request; `wsl` by the node and libraries
    of WSL, without ids.
    """

    way: Literal["cdi", "podman", "runtime", "request", "wsl"]
    devices: tuple[str, ...] = (ALL,)


def parse_wanted(text: str) -> Wanted:
    """Read `all`, a number of GPUs, ids between commas, or `id:` and one id.

    Raises:
        GpuInvalid: It is nothing of this.
    """
    if text == ALL:
        return Wanted()
    if text.isdigit() and int(text) > 0:
        return Wanted(count=int(text))
    ids = tuple(part.strip() for part in text.removeprefix("id:").split(",") if part.strip())
    listed = text.startswith("id:") or "," in text or not text.isdigit()
    if listed and ids and all(_ID.fullmatch(one) for one in ids):
        return Wanted(ids=tuple(dict.fromkeys(ids)))
    hint = "--gpu all, --gpu 2 (any two), --gpu 0,1 or --gpu id:0 (these), --gpu GPU-UUID"
    raise GpuInvalid(f"{text!r} names no GPUs", hint=hint)


def request(wanted: str, facts: GpuFacts, engine: EngineGpu) -> GpuRequest:
    """Return how to ask a container engine for `wanted` (`parse_wanted`).

    Raises:
        GpuUnavailable: It cannot be given; the hint is the one command that is missing.
        GpuInvalid: `wanted` names no GPUs.
    """
    asked = parse_wanted(wanted)
    message, hint = missing(facts, engine)
    if message:
        raise GpuUnavailable(f"a GPU was asked for, and {message}", hint=hint)
    known = _cdi_devices(facts, engine)
    if known:
        names = tuple(f"{KIND}={name}" for name in _choose(asked, known))
        return GpuRequest("podman" if engine.podman else "cdi", names)
    if engine.nvidia_runtime or engine.desktop:
        nodes = facts.nodes if engine.local else ()
        numbers = [str(at) for at in range(len(nodes))]
        return GpuRequest("runtime" if engine.nvidia_runtime else "request", _pick(asked, numbers))
    if not asked.all:
        raise GpuUnavailable("WSL gives every GPU or none", hint="pass --gpu all")
    return GpuRequest("wsl")


def missing(facts: GpuFacts, engine: EngineGpu) -> tuple[str, str]:
    """Return what stands between a container and the GPU, and the command that mends it.

    Both are empty when nothing does.
    """
    if _cdi_devices(facts, engine):
        return _outdated(facts, engine)
    if engine.nvidia_runtime or engine.desktop:
        return "", ""
    if not engine.local:
        return "the engine offers none: it runs on another machine", f"there: {CONFIGURE}"
    if facts.driver == WSL and not engine.podman:
        return "", ""
    message, command = missing_on_host(facts)
    if message:
        return message, command
    if not facts.toolkit:
        install = _INSTALL.get(facts.system, "apt-get install")
        return (
            "the NVIDIA container toolkit is not installed",
            f"{install} nvidia-container-toolkit",
        )
    if engine.cdi:
        return f"no file of /etc/cdi describes {KIND}", GENERATE
    return "the engine knows neither CDI devices nor the nvidia runtime", CONFIGURE


def missing_on_host(facts: GpuFacts) -> tuple[str, str]:
    """Return what stands between a process of this machine and the GPU, and what mends it."""
    if facts.driver == WSL:
        return "", ""
    if not facts.driver and not facts.nodes:
        return (
            "this machine has no NVIDIA driver: neither /proc/driver/nvidia nor /dev/nvidia0",
            _DRIVER_OF.get(facts.system, "install NVIDIA's driver (nvidia.com/drivers)"),
        )
    if not facts.nodes:
        return f"driver {facts.driver} has no /dev/nvidia0", "nvidia-modprobe -u -c=0"
    if not facts.driver:
        return "the nodes in /dev have no driver: it is not loaded", "modprobe nvidia"
    return "", ""


def require_on_host(facts: GpuFacts) -> None:
    """Refuse when a process of this machine would find no GPU.

    Raises:
        GpuUnavailable: There is no driver, or no device node.
    """
    message, hint = missing_on_host(facts)
    if message:
        raise GpuUnavailable(f"a GPU was asked for, and {message}", hint=hint)


def visible(wanted: str, facts: GpuFacts, env: Mapping[str, str]) -> str | None:
    """Return `CUDA_VISIBLE_DEVICES` for a process that gets `wanted`; None leaves it as it is.

    A number of GPUs is taken from those that the variable already allows.

    Raises:
        GpuUnavailable: There is no such GPU, or there are fewer.
        GpuInvalid: `wanted` names no GPUs.
    """
    asked = parse_wanted(wanted)
    require_on_host(facts)
    allowed = env.get("CUDA_VISIBLE_DEVICES")
    numbers = [str(at) for at in range(len(facts.nodes))]
    if asked.all:
        if allowed == "":
            raise GpuUnavailable(
                "CUDA_VISIBLE_DEVICES is empty, which hides every GPU",
                hint="unset CUDA_VISIBLE_DEVICES",
            )
        return None
    if asked.count and allowed:
        numbers = [one.strip() for one in allowed.split(",") if one.strip()]
    return ",".join(_pick(asked, numbers))


def explain(text: str) -> GpuUnavailable | None:
    """Return what an engine's refusal `text` means for the GPU, None when it is about another."""
    if "could not select device driver" in text:
        return GpuUnavailable("the engine has no driver for GPUs", details=text, hint=CONFIGURE)
    if "unknown or invalid runtime name" in text and "nvidia" in text:
        message = "the engine lost its nvidia runtime"
        return GpuUnavailable(message, details=text, hint=CONFIGURE)
    if "CDI" in text:
        message = "the engine cannot resolve the CDI device"
        return GpuUnavailable(message, details=text, hint=GENERATE)
    if "version mismatch" in text and "nvidia" in text:
        message = "the driver was updated and the old one is still loaded"
        return GpuUnavailable(message, details=text, hint="reboot")
    if _NVIDIA.search(text):
        return GpuUnavailable(f"the engine cannot give the GPU: {text}")
    return None


def _cdi_devices(facts: GpuFacts, engine: EngineGpu) -> tuple[str, ...]:
    if not engine.cdi:
        return ()
    return engine.devices or (facts.devices if engine.local else ())


def _outdated(facts: GpuFacts, engine: EngineGpu) -> tuple[str, str]:
    """A CDI file names the libraries of one driver, which an update of the driver removes."""
    made_for, driver = facts.cdi_driver, facts.driver
    if engine.local and made_for and driver not in ("", WSL, made_for):
        return f"the CDI file is for driver {made_for} and {driver} is loaded", GENERATE
    return "", ""


def _choose(asked: Wanted, known: Sequence[str]) -> tuple[str, ...]:
    """Return names out of `known`, what CDI calls the GPUs."""
    if asked.all:
        return (ALL,) if ALL in known else tuple(known)
    numbered = sorted((name for name in known if name.isdigit()), key=int)
    if asked.count and not numbered and ALL in known:
        raise GpuUnavailable("the engine gives every GPU or none", hint="pass --gpu all")
    return _pick(asked, numbered if asked.count else known)


def _pick(asked: Wanted, known: Sequence[str]) -> tuple[str, ...]:
    """Return ids out of `known`, which is empty where nobody can tell."""
    if asked.all:
        return (ALL,)
    if asked.count:
        if known and asked.count > len(known):
            there = f"there is {len(known)}" if len(known) == 1 else f"there are {len(known)}"
            raise GpuUnavailable(f"{asked.count} GPUs were asked for and {there}")
        return tuple(known[: asked.count]) or tuple(str(at) for at in range(asked.count))
    strange = [one for one in asked.ids if one not in known and (one.isdigit() or ALL in known)]
    if known and strange:
        raise GpuUnavailable(f"there is no GPU {strange[0]}: there are {', '.join(known)}")
    return asked.ids
