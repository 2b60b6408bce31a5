"""CUDA: what a driver can run and what packages were built for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.engines.errors import CudaTooNew, GpuUnavailable
from algo.engines.gpu_facts import WSL
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.engines.gpu_facts import GpuFacts

# The oldest driver for any minor version of a CUDA, and the newest CUDA of a driver's branch
# (CUDA Toolkit release notes, tables "minor version compatibility" and "driver versions").
_LEAST_DRIVER = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
_NEWEST_CUDA = {
    580: "13.0",
    575: "12.9",
    570: "12.8",
    565: "12.7",
    560: "12.6",
    555: "12.5",
    550: "12.4",
    545: "12.3",
    535: "12.2",
    530: "12.1",
    525: "12.0",
    520: "11.8",
    515: "11.7",
    510: "11.6",
    495: "11.5",
    470: "11.4",
    465: "11.3",
    460: "11.2",
    455: "11.1",
    450: "11.0",
}
_RUNTIMES = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?")
_SUFFIX = re.compile(r".*[-_](?:cu|cuda)(\d+)(?:x|-.*)?")
_LOCAL = re.compile(r".*\+cu(\d+)")
_UPDATE = {
    "ubuntu": "ubuntu-drivers install",
    "debian": "apt-get install --upgrade nvidia-driver",
    "fedora": "dnf upgrade akmod-nvidia",
    "rhel": "dnf upgrade nvidia-driver",
}


class CudaNeed(Value, frozen=True):
    """The CUDA that packages were built for, as `12.8` or `12`, and the package that says so."""

    version: str
    package: str

    @property
    def major(self) -> int:
        """The major version, which decides whether a driver will do."""
        return int(self.version.partition(".")[0])


def need_of(packages: Iterable[tuple[str, str]]) -> CudaNeed | None:
    """Return the newest CUDA that one of `packages` (name, version) wants, None without any."""
    found = [need for name, version in packages if (need := _need(name, version)) is not None]
    return max(found, key=lambda need: (need.major, "." in need.version), default=None)


def without_cuda(packages: Iterable[tuple[str, str]]) -> str:
    """Return the package that was built for the CPU alone (`torch 2.7.0+cpu`), or nothing."""
    return next((f"{name} {v}" for name, v in packages if v.endswith("+cpu")), "")


def newest_cuda(driver: str) -> str:
    """Return the newest CUDA of a driver, empty when it is not known."""
    branch = driver.partition(".")[0]
    fits = [known for known in _NEWEST_CUDA if branch.isdigit() and known <= int(branch)]
    newer = branch.isdigit() and int(branch) >= max(_NEWEST_CUDA) + 10
    return "" if newer or not fits else _NEWEST_CUDA[max(fits)]


def conflict(need: CudaNeed | None, facts: GpuFacts) -> tuple[str, str]:
    """Return why the driver cannot run the packages, and the command that mends it.

    Both are empty when it can, or when the driver's version is not known (WSL).
    """
    if need is None or facts.driver in ("", WSL):
        return "", ""
    least = _LEAST_DRIVER.get(need.major)
    if least is None or _number(facts.driver) >= _number(least):
        return "", ""
    return (
        f"{need.package} is built for CUDA {need.version}, which wants driver {least} or newer, "
        f"and {facts.driver} is loaded",
        _UPDATE.get(facts.system, f"install driver {least} or newer (nvidia.com/drivers)"),
    )


def require(packages: Iterable[tuple[str, str]], facts: GpuFacts) -> None:
    """Refuse packages that would not reach a GPU.

    Raises:
        CudaTooNew: They want a newer driver.
        GpuUnavailable: One of them was built for the CPU alone.
    """
    packages = list(packages)
    message, hint = conflict(need_of(packages), facts)
    if message:
        raise CudaTooNew(message, hint=hint)
    alone = without_cuda(packages)
    if alone:
        message = f"a GPU was asked for, and {alone} is built for the CPU alone"
        raise GpuUnavailable(
            message, hint="set gpu = true under [environment] of algo.toml, then: algo lock"
        )


def _need(name: str, version: str) -> CudaNeed | None:
    package = f"{name} {version}"
    if _RUNTIMES.fullmatch(name):
        return CudaNeed(".".join(version.split(".")[:2]), package)
    if local := _LOCAL.fullmatch(version):
        return CudaNeed(f"{local[1][:2]}.{local[1][2:] or 0}", package)
    if suffix := _SUFFIX.fullmatch(name):
        return CudaNeed(suffix[1][:2], package)
    return None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
