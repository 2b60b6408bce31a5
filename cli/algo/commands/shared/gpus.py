"""GPUs of a target: which ones it gets, and whether they can be had and used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.project.project import Project

if TYPE_CHECKING:
    from algo.deps import Deps
    from algo.engines.interface import Engine
    from algo.serving.target import VersionTarget


def gpus(target: Project | VersionTarget, asked: str) -> str:
    """Return the GPUs that `target` gets: those asked for, else what `algo.toml` says."""
    wants = isinstance(target, Project) and target.manifest.environment.gpu
    return asked or ("all" if wants else "")


def require_gpu(deps: Deps, engine: Engine, target: Project | VersionTarget, gpu: str) -> None:
    """Refuse, before anything is built, GPUs that `engine` cannot give or `target` not use.

    Raises:
        GpuUnavailable: As above.
        CudaTooNew: The locked packages want a newer driver.
        GpuInvalid: `gpu` names no GPUs.
    """
    if gpu:
        engine.require_gpu(gpu)
        require_cuda(deps, engine, target, gpu)


def require_cuda(deps: Deps, engine: Engine, target: Project | VersionTarget, gpu: str) -> None:
    """Compare the locked packages with the driver; nothing to do without a lock.

    Raises:
        CudaTooNew: They want a newer driver.
        GpuUnavailable: One of them was built for the CPU alone.
    """
    if not gpu or not isinstance(target, Project):
        return
    from algo.engines.cuda import require

    require(packages(deps, target, image=engine.wants_image), deps.gpu_facts())


def packages(deps: Deps, project: Project, *, image: bool) -> list[tuple[str, str]]:
    """Return name and version of what the project's lock pins for where it runs."""
    from algo.images.recipe import host_platform
    from algo.project.lock import read

    lock = read(project.lock_path)
    if lock is None:
        return []
    locking = deps.locking(project)
    target = locking.image_target(str(host_platform())) if image else locking.host_target
    return [(pin.name, pin.version) for pin in lock.pins(target)]
