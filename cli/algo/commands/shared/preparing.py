"""Make a target ready for an engine: lock and install it, assemble its image, or fetch it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.commands.shared.toolbox import toolbox
from algo.environments.state import said_by
from algo.project.declaration import FILE as SCHEMA
from algo.project.project import MANIFESTS, Project
from algo.serving.errors import RestartNeeded
from algo.serving.interface import Servable

if TYPE_CHECKING:
    from algo.deps import Deps
    from algo.engines.interface import Shared
    from algo.events import Notify
    from algo.project.lock import Lock, Pin, Target
    from algo.serving.target import VersionTarget

_LOCK = "algo.lock"
_IMAGE_PACKAGES = "/opt/algo/packages"


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
    notify = deps.output.event
    if not isinstance(target, Project):
        published = deps.published(skip=skip_verify)
        return published.prepare(target.reference, image=image, notify=notify)
    _check(deps, target)
    return _with_image(deps, target, exact, notify) if image else _on_host(deps, target, notify)


def _check(deps: Deps, project: Project) -> None:
    """Refuse a project whose files are not there, or of another language."""
    language = project.manifest.algorithm.language
    project.check_files(deps.runtimes().suffixes(language, project.entry_file.name))


class WorkingTree:
    """A project that is served while it is edited (`serving.interface.Tree`)."""

    def __init__(self, deps: Deps, project: Project, *, image: bool) -> None:
        self._deps = deps
        self._root = project.root
        self._image = image
        self._gpu = project.manifest.environment.gpu
        self._dockerfile = project.manifest.environment.dockerfile
        self._seen = ("", b"")
        self._box = toolbox(deps, project)
        self._writes = deps.locking(project).writes

    def concerned(self, path: str) -> bool:
        """Tell whether `path` may say something of environment, program, models or limits."""
        described = (*MANIFESTS, SCHEMA, _LOCK, self._dockerfile)
        return path in described or self._box.states_packages(path)

    def is_code(self, path: str) -> bool:
        """Tell whether `path` is of the image's code."""
        return self._box.is_code(path)

    def writes(self, path: str) -> bool:
        """Tell whether locking may write the file at `path`."""
        return path == _LOCK or path in self._writes

    def changed(self) -> bool:
        """Tell whether manifest, requirements or lock say something else than when prepared.

        Of a compiled language its code counts as well.
        """
        return (self._said(), self._lock()) != self._seen

    def first(self) -> Servable:
        """Return what there is to serve at the start.

        Raises:
            AlgoError: As `prepare`.
        """
        inputs = self._said()
        servable = prepare(self._deps, Project.open(self._root), image=self._image)
        self._settle(inputs)
        return servable

    def prepare(self, current: Servable, shared: Shared | None, notify: Notify) -> Servable:
        """Return what there is to serve now: locked, and installed beside what runs.

        Raises:
            AlgoError: The manifest cannot be read, or packages be locked or installed.
        """
        with ExitStack() as stack:
            # In the end, also of a failure: the lock that it wrote is no change of its own.
            stack.callback(self._settle, self._said())
            project = Project.open(self._root)
            _check(self._deps, project)
            self._dockerfile = project.manifest.environment.dockerfile
            if project.manifest.environment.gpu != self._gpu:
                raise RestartNeeded("gpu of algo.toml changed, and GPUs are given at the start")
            if self._image:
                return self._for_container(project, current, shared, notify)
            return _on_host(self._deps, project, notify)

    def _said(self) -> str:
        return said_by(self._root, self._box.said, self._box.states_packages)

    def _settle(self, inputs: str) -> None:
        self._seen = (inputs, self._lock())

    def _for_container(
        self, project: Project, current: Servable, shared: Shared | None, notify: Notify
    ) -> Servable:
        from algo.contract.cases import first_input
        from algo.project.description import describe

        lock = _locked(self._deps, project, notify)
        base = _base(self._deps, project)
        pins = _image_pins(self._deps, project, lock)
        box = toolbox(self._deps, project)
        if base != current.base or shared is None:
            return _with_image(self._deps, project, False, notify)
        wanted = replace(
            current,
            description=describe(project.manifest, first_input(project.root), project.declared),
            packages=_named(pins),
        )
        changed = wanted.packages != current.packages
        back = changed and wanted.packages == current.in_image
        live = box.live(project, lock, shared, changed and not back, notify)
        packages = _IMAGE_PACKAGES if back else live.packages or current.packages_at
        return replace(wanted, packages_at=packages, program_at=live.program)

    def _lock(self) -> bytes:
        path = self._root / _LOCK
        return path.read_bytes() if path.is_file() else b""


def _locked(deps: Deps, project: Project, notify: Notify, *, host: bool = False) -> Lock:
    """Return the project's lock, made when it is not there; its models are here then."""
    from algo.environments.locking import ensure_lock
    from algo.models.ensure import ensure_models

    lock = ensure_lock(project, deps.locking(project, host=host), notify=notify)
    return ensure_models(project, lock, deps.models(), notify=notify)


def _on_host(deps: Deps, project: Project, notify: Notify) -> Servable:
    from algo.contract.cases import first_input
    from algo.project.description import describe

    locking = deps.locking(project)
    target = locking.host_target
    lock = _locked(deps, project, notify, host=True)
    return Servable(
        project.name,
        describe(project.manifest, first_input(project.root), project.declared),
        toolbox(deps, project).host(project, lock, notify),
        project.root,
        packages=_named(lock.pins(target)),
        base=_outside(project),
    )


def _with_image(deps: Deps, project: Project, exact: bool, notify: Notify) -> Servable:
    from algo.contract.cases import first_input
    from algo.engines.errors import EngineUnavailable
    from algo.engines.interface import Image
    from algo.images.cache import Cache
    from algo.images.load import Recent, ensure_loaded
    from algo.project.description import describe

    engine = deps.image_engine()
    if engine is None:
        raise EngineUnavailable("no container engine answers")
    lock = _locked(deps, project, notify)
    built = deps.builder().build(project, lock, notify=notify)
    recent = Recent(Cache.of(deps.folders))
    reference = ensure_loaded(built, engine, recent=recent, notify=notify)
    digest = str(built.digest)
    packages = _named(_image_pins(deps, project, lock))
    return Servable(
        project.name,
        describe(project.manifest, first_input(project.root), project.declared),
        Image(reference, digest),
        None if exact else project.root,
        digest,
        packages=packages,
        in_image=packages,
        base=_base(deps, project),
    )


def _named(pins: tuple[Pin, ...]) -> tuple[str, ...]:
    return tuple(f"{pin.name}=={pin.version}{pin.build and f'={pin.build}'}" for pin in pins)


def _image_target(deps: Deps, project: Project) -> Target:
    from algo.images.recipe import host_platform

    return deps.locking(project).image_target(str(host_platform()))


def _image_pins(deps: Deps, project: Project, lock: Lock) -> tuple[Pin, ...]:
    return lock.pins(_image_target(deps, project))


def _outside(project: Project) -> str:
    """Return what no running instance can take over."""
    manifest = project.manifest
    serving = manifest.serving
    # A gateway that runs reads these once: whose pages may call, where the ends of jobs are told.
    parts = [project.name, manifest.algorithm.language, serving.cors, serving.jobs.webhooks]
    return " ".join(map(str, parts))


def _base(deps: Deps, project: Project) -> str:
    """Return what only another container can bring: its runtime image, and who it is."""
    from algo.images.prelude import read_prelude
    from algo.images.recipe import host_platform, read_recipe

    language, environment = project.manifest.algorithm.language, project.manifest.environment
    file = environment.dockerfile
    recipe = read_recipe(
        deps.runtimes(),
        language,
        str(host_platform()),
        tuple(environment.system_packages),
        base=environment.base,
        prelude=read_prelude(project.root, file) if file else None,
    )
    return f"{_outside(project)} {recipe.key}"
