"""GPUs: what this machine and its engine offer, and what to do when it is not enough."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines.errors import GpuUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = "nvidia.com/gpu"
_SPEC_FOLDERS = ("etc/cdi", "var/run/cdi")
_GENERATE = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What this machine has: driver version, device nodes, toolkit, CDI files that name GPUs."""

    driver: str = ""
    nodes: tuple[str, ...] = ()
    toolkit: str = ""
    cdi_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineGpu:
    """What a container engine has: CDI devices, the nvidia runtime."""

    cdi: bool = False
    nvidia_runtime: bool = False


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """How to ask the engine: by CDI device names, or by ids through the nvidia runtime."""

    cdi: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


def read_facts(
    root: Path = Path("/"), which: Callable[[str], str | None] = shutil.which
) -> GpuFacts:
    """Look at the machine below `root`; nothing is executed."""
    version = _text(root / "proc/driver/nvidia/version")
    found = re.search(r"Kernel Module(?:\s+for\s+\S+)?\s+([\d.]+)", version)
    nodes = sorted((root / "dev").glob("nvidia[0-9]*")) if (root / "dev").is_dir() else []
    dxg = root / "dev/dxg"  # WSL's node: the driver is the Windows one
    files = [
        path
        for folder in _SPEC_FOLDERS
        for path in sorted((root / folder).glob("*"))
        if path.suffix in (".yaml", ".yml", ".json") and KIND in _text(path)
    ]
    return GpuFacts(
        driver=found[1] if found else "wsl" if dxg.exists() else "",
        nodes=tuple(str(path) for path in nodes),
        toolkit=which("nvidia-ctk") or "",
        cdi_files=tuple(str(path) for path in files),
    )


def request(wanted: str, facts: GpuFacts, engine: EngineGpu) -> GpuRequest:
    """Return how to ask a container engine for `wanted` (`all`, or ids between commas).

    Raises:
        GpuUnavailable: It cannot be given; the hint is the one command that is missing.
    """
    ids = tuple(part.strip() for part in wanted.split(",") if part.strip())
    if engine.cdi and facts.cdi_files:
        return GpuRequest(cdi=tuple(f"{KIND}={name}" for name in ids))
    if engine.nvidia_runtime:
        return GpuRequest(ids=() if ids == ("all",) else ids)
    message, hint = missing(facts, engine)
    raise GpuUnavailable(f"a GPU was asked for, and {message}", hint=hint)


def missing(facts: GpuFacts, engine: EngineGpu) -> tuple[str, str]:
    """Return what stands between a container and the GPU, and the command that mends it.

    Both are empty when nothing does.
    """
    if (engine.cdi and facts.cdi_files) or engine.nvidia_runtime:
        return "", ""
    if not facts.driver and not facts.nodes:
        return (
            "this machine has no NVIDIA driver: neither /proc/driver/nvidia nor /dev/nvidia0",
            "install the driver (Debian: apt-get install nvidia-driver), then algo doctor",
        )
    if not facts.toolkit:
        return (
            "the NVIDIA container toolkit is not installed",
            "apt-get install nvidia-container-toolkit",
        )
    if engine.cdi:
        return f"no file of /etc/cdi describes {KIND}", _GENERATE
    return (
        "the engine knows neither CDI devices nor the nvidia runtime",
        "nvidia-ctk runtime configure --runtime=docker && systemctl restart docker",
    )


def require_on_host(facts: GpuFacts) -> None:
    """Refuse when a process of this machine would find no GPU.

    Raises:
        GpuUnavailable: There is no driver, or no device node.
    """
    if not facts.driver:
        message, hint = missing(facts, EngineGpu())
        raise GpuUnavailable(f"a GPU was asked for, and {message}", hint=hint)
    if not facts.nodes and facts.driver != "wsl":
        raise GpuUnavailable(
            f"a GPU was asked for, and driver {facts.driver} has no /dev/nvidia0",
            hint="nvidia-modprobe -u -c=0",
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
