"""What this machine has of GPUs, read from its files: driver, nodes, toolkit, CDI files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = "nvidia.com/gpu"
WSL = "wsl"
# Distributions whose commands we know.
SYSTEMS = ("ubuntu", "debian", "fedora", "rhel", "suse")

_SPEC_FOLDERS = ("etc/cdi", "var/run/cdi")
_WSL_LIBRARY = "usr/lib/wsl/lib/libcuda.so.1"
# A CDI file names its devices by `name`, and nothing else in it by that key (CDI 0.3 to 1.0).
_DEVICE = re.compile(r"""["']?\bname["']?\s*:\s*["']?([^"'\s,}]+)""")


class GpuFacts(Value, frozen=True):
    """What this machine has.

    Attributes:
        driver: The version of the kernel's driver; `wsl` where Windows has it.
        nodes: `/dev/nvidia0` and on.
        toolkit: Where `nvidia-ctk` is.
        cdi_files: CDI files that name GPUs.
        devices: The names that these give them: `0`, `1`, `all`.
        cdi_driver: The driver that they were made for, empty where they do not say.
        system: The distribution, or the one that it is like: `debian`, `ubuntu`, `fedora`.
    """

    driver: str = ""
    nodes: tuple[str, ...] = ()
    toolkit: str = ""
    cdi_files: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    cdi_driver: str = ""
    system: str = ""


def read_facts(
    root: Path = Path("/"), which: Callable[[str], str | None] = shutil.which
) -> GpuFacts:
    """Look at the machine below `root`; nothing is executed."""
    version = _text(root / "proc/driver/nvidia/version")
    found = re.search(r"Kernel Module(?:\s+for\s+\S+)?\s+([\d.]+)", version)
    nodes = sorted((root / "dev").glob("nvidia[0-9]*")) if (root / "dev").is_dir() else []
    on_wsl = (root / "dev/dxg").exists() and (root / _WSL_LIBRARY).exists()
    files = {
        str(path): text
        for folder in _SPEC_FOLDERS
        for path in sorted((root / folder).glob("*"))
        if path.suffix in (".yaml", ".yml", ".json") and KIND in (text := _text(path))
    }
    names = [name for text in files.values() for name in _DEVICE.findall(text)]
    made_for = [found for text in files.values() for found in _made_for(text)]
    return GpuFacts(
        driver=found[1] if found else WSL if on_wsl else "",
        nodes=tuple(str(path) for path in nodes),
        toolkit=which("nvidia-ctk") or "",
        cdi_files=tuple(files),
        devices=tuple(dict.fromkeys(names)),
        cdi_driver=made_for[0] if made_for else "",
        system=_system(_text(root / "etc/os-release")),
    )


def _made_for(text: str) -> list[str]:
    return re.findall(r"libcuda\.so\.(\d+\.[\d.]*\d)", text)


def _system(release: str) -> str:
    found = dict(re.findall(r'^(ID|ID_LIKE)="?([^"\n]*)"?$', release, re.MULTILINE))
    names = f"{found.get('ID', '')} {found.get('ID_LIKE', '')}".split()
    return next((name for name in names if name in SYSTEMS), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
