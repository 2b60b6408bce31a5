"""Make a target ready for an engine: lock and install it, assemble its image, or fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.project.project import Project
from algo.serving.interface import Servable
from algo.serving.target import VersionTarget

if TYPE_CHECKING:
    from algo.deps import Deps


def prepare(
    deps: Deps,
    target: Project | VersionTarget,
    *,
    image: bool,
    exact: bool = False,
    skip_verify: bool = False,
) -> Servable:
    """Return what an engine runs for `target`.

    Args:
        deps: Builds the adapters that do the work.
        target: A project or a published version.
        image: Whether the engine takes an image, else a host environment.
        exact: Leave the working tree out: what the image holds runs.
        skip_verify: Run a version unverified.

    Raises:
        AlgoError: It cannot be locked, installed, assembled, fetched or verified.
    """
    if isinstance(target, VersionTarget):
        return deps.published(skip=skip_verify).prepare(
            target.reference, image=image, notify=deps.output.event
        )
    target.check_files()
    return _with_image(deps, target, exact) if image else _on_host(deps, target)


def _on_host(deps: Deps, project: Project) -> Servable:
    from algo.engines.interface import HostEnvironment
    from algo.environments.locking import ensure_lock
    from algo.environments.virtualenv import ensure_environment
    from algo.project.description import describe

    notify = deps.output.event
    locking = deps.locking(project)
    host = locking.host
    lock = ensure_lock(project, locking, notify=notify)
    environment = ensure_environment(
        lock, host, deps.packages(), deps.folders, tests=False, notify=notify
    )
    artifact = HostEnvironment(environment.python)
    return Servable(project.name, describe(project.manifest), artifact, project.root)


def _with_image(deps: Deps, project: Project, exact: bool) -> Servable:
    from algo.engines.errors import EngineUnavailable
    from algo.engines.interface import Image
    from algo.environments.locking import ensure_lock
    from algo.images.load import ensure_loaded
    from algo.project.description import describe

    notify = deps.output.event
    engine = deps.image_engine()
    if engine is None:
        raise EngineUnavailable("no container engine answers")
    lock = ensure_lock(project, deps.locking(project), notify=notify)
    built = deps.builder().build(project, lock, notify=notify)
    reference = ensure_loaded(built, engine, notify=notify)
    digest = str(built.digest)
    artifact = Image(reference, digest)
    folder = None if exact else project.root
    return Servable(project.name, describe(project.manifest), artifact, folder, digest)
