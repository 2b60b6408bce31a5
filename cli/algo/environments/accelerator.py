"""Which build of PyTorch is locked: what `algo.toml` says, and what was locked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from algo.environments.requirements import Source
    from algo.project.lock import Pin, Target
    from algo.project.manifest import Environment

# What stands before the build in the source of a pin, and where the builds are.
PYTORCH = "pytorch/"
TORCH_INDEX = "download.pytorch.org"
CPU = "cpu"
# What stands before the version of this machine's driver, which decides between CUDA builds.
DRIVER = "driver "
INDEX = "index"


def wanted(environment: Environment, driver: Callable[[], str]) -> str:
    """Return the build that `environment` asks for.

    Args:
        environment: Of `algo.toml`.
        driver: Tells the version of the GPU driver here and the newest CUDA that it runs, as
            `570.86 12.8`; the latter may be unknown, and it is empty when there is no driver.

    Returns:
        `cpu`, `cu128`; `driver 570.86 12.8` for the newest CUDA that it runs, `driver ` for the
        one that the usual index has; nothing when the indexes alone decide.
    """
    if environment.torch == INDEX:
        return ""
    if environment.torch:
        return environment.torch
    return f"{DRIVER}{driver()}" if environment.gpu else CPU


def settled(wanted: str, before: Iterable[Pin]) -> str:
    """Return the build to take: a CUDA that was locked `before` stays, whatever runs here."""
    if not wanted.startswith(DRIVER):
        return wanted
    sources = (pin.source for pin in before if pin.source.startswith(PYTORCH))
    builds = (source.removeprefix(PYTORCH) for source in sources)
    return next((build for build in builds if build != CPU), wanted)


def unwanted_cuda(source: Source, accelerator: str, pins: Mapping[Target, Iterable[Pin]]) -> str:
    """Return what to say of CUDA that another tool's lock brings where the CPU was wanted."""
    names = {pin.name for found in pins.values() for pin in found}
    brought = sorted(name for name in names if name.startswith("nvidia-"))
    if accelerator != CPU or not source.pins or "torch" not in names or not brought:
        return ""
    return (
        f"{source.name} pins PyTorch with CUDA ({brought[0]} and more, gigabytes), and gpu is "
        "false: give torch the index https://download.pytorch.org/whl/cpu in pyproject.toml, "
        "then: uv lock"
    )


def arguments(accelerator: str) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the variables with which uv takes this build."""
    if accelerator in ("", DRIVER):
        return [], {}
    if accelerator.startswith(DRIVER):
        driver = accelerator.removeprefix(DRIVER).partition(" ")[0]
        return ["--torch-backend", "auto"], {"UV_CUDA_DRIVER_VERSION": driver}
    return ["--torch-backend", accelerator], {}


def cuda(accelerator: str) -> str:
    """Return the CUDA that may be relied on, `12.8`; empty for none, or an unknown one."""
    if accelerator.startswith(DRIVER):
        return accelerator.removeprefix(DRIVER).partition(" ")[2]
    digits = accelerator.removeprefix("cu")
    return f"{digits[:-1]}.{digits[-1]}" if digits.isdecimal() else ""
