"""Make `algo.lock`, and notice by content when it no longer fits."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from msgspec import structs

from algo.environments.accelerator import settled, unwanted_cuda
from algo.environments.changes import changes
from algo.environments.conda.names import LOCKFILE
from algo.environments.errors import PythonNotFound, PythonUnsupported, RequirementInvalid
from algo.environments.interface import Resolved
from algo.environments.interpreters import admits, fits
from algo.environments.parallel import together
from algo.environments.requirements import (
    UV_LOCK,
    Requirements,
    Source,
    inputs_digest,
    requirements_of,
    requires_python,
)
from algo.environments.upgrade import NOTHING, Upgrade
from algo.events import Note, Step, Warned
from algo.project.errors import LockInvalid, LockStale
from algo.project.lock import (
    CONDA,
    PIP,
    RUNTIME,
    TEST,
    UNBUILT,
    Lock,
    Target,
    read,
    replace_file,
    write,
)
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from algo.environments.changes import Change
    from algo.environments.interface import PackageLocking, PackageManager
    from algo.environments.interpreters import Interpreter
    from algo.events import Notify
    from algo.project.lock import Pin
    from algo.project.project import Project

IMAGE_PLATFORMS = ("linux/amd64", "linux/arm64")


class Locking(Value, frozen=True):
    """What a lock is made with.

    Args:
        manager: Resolves the requirements.
        found: The Python that the project runs on outside a container, or why there is none,
            which only matters to who runs something there.
        image_python: The minor version of the Python in the image, `3.13`.
        accelerator: Which build of PyTorch is wanted, as `accelerator.wanted` says it.
        brings_python: The packages bring their own Python, wherever they run.
        platforms: Where the packages can run; anywhere when it is empty.
    """

    manager: PackageManager
    found: Interpreter | PythonNotFound
    image_python: str
    accelerator: str = ""
    brings_python: bool = False
    platforms: tuple[str, ...] = ()

    @property
    def host(self) -> Interpreter:
        """The Python that the project runs on outside a container.

        Raises:
            PythonNotFound: None on this machine fits.
        """
        if isinstance(self.found, PythonNotFound):
            raise self.found
        return self.found

    @property
    def host_target(self) -> Target:
        """What the host's environment needs to run the algorithm."""
        return self._target(self.host.platform, self.host.minor, RUNTIME)

    @property
    def test_target(self) -> Target:
        """What the host's environment needs besides to run the project's tests."""
        return self._target(self.host.platform, self.host.minor, TEST)

    def image_target(self, platform: str) -> Target:
        """What the image of `platform` needs."""
        return self._target(platform, self.image_python, RUNTIME)

    @property
    def writes(self) -> tuple[str, ...]:
        """The lock of conda."""
        return (LOCKFILE,)

    def inputs(self, project: Project) -> str:
        """Return the digest of what the packages are pinned from; see `PackageLocking`."""
        return _inputs(project, _requirements(project))

    def resolve(
        self, project: Project, old: Lock | None, upgrade: Upgrade, *, notify: Notify
    ) -> Resolved:
        """Resolve the requirements for every target; see `PackageLocking`."""
        return _pinned(project, self, old, upgrade, notify)

    def _target(self, platform: str, python: str, group: str) -> Target:
        return Target(platform, CONDA if self.brings_python else python, group)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every target that a lock made here must hold, those of images first."""
        found = [self.image_target(platform) for platform in IMAGE_PLATFORMS]
        if not isinstance(self.found, PythonNotFound):
            found += [self.host_target, self.test_target]
        allowed = self.platforms or {one.platform for one in found}
        return tuple(dict.fromkeys(one for one in found if one.platform in allowed))


class Locked(Value, frozen=True):
    """A lock that was made, and what it changed of the one before."""

    lock: Lock
    changes: tuple[Change, ...]


def ensure_lock(project: Project, locking: PackageLocking, *, notify: Notify) -> Lock:
    """Return the project's lock, made first when there is none or the requirements changed.

    Raises:
        Unsatisfiable: The requirements contradict each other.
        IndexUnreachable: A lock must be made and the package index does not answer.
        PythonUnsupported: The image's Python does not fit `algo.toml`.
        LockInvalid: The lock that is there cannot be read.
    """
    lock = read(project.lock_path)
    reason = stale(project, lock, locking)
    if lock is not None and not reason:
        return lock
    notify(Note(f"{reason}: writing {project.lock_path.name}"))
    made = make_lock(project, locking, notify=notify)
    for change in made.changes if lock is not None else ():
        notify(Note(f"  {change}"))
    return made.lock


def check_lock(project: Project, locking: PackageLocking) -> Lock:
    """Return the project's lock when it fits, and change nothing.

    Raises:
        LockStale: There is none, or it does not fit the requirements.
        LockInvalid: It cannot be read.
    """
    lock = read(project.lock_path)
    if lock is None:
        raise LockStale(f"there is no {project.lock_path.name}")
    reason = stale(project, lock, locking)
    if reason:
        raise LockStale(f"{project.lock_path.name} does not fit: {reason[:1].lower()}{reason[1:]}")
    return lock


def stale(project: Project, lock: Lock | None, locking: PackageLocking) -> str:
    """Return why `lock` does not fit the project, empty when it does."""
    if lock is None:
        return "No lock yet"
    if lock.inputs != locking.inputs(project):
        return "The requirements changed since they were locked"
    for name, digest in lock.files.items():
        if _digest(project.root / name) != digest:
            return f"{name} is not the one that was locked"
    missing = [target for target in locking.targets if target not in lock.targets]
    return f"The lock does not cover {missing[0]}" if missing else ""


def unlocked(project: Project) -> str:
    """Return what files beside the lock are that somebody else wrote than `algo lock`."""
    lock = read(project.lock_path)
    found = lock.files if lock is not None else {}
    seen = {name: _digest(project.root / name) for name in found}
    return " ".join(f"{name} {digest}" for name, digest in seen.items() if digest != found[name])


def make_lock(
    project: Project, locking: PackageLocking, *, notify: Notify, upgrade: Upgrade = NOTHING
) -> Locked:
    """Resolve the project's requirements for every target and write the lock.

    Versions that are locked already are kept where the requirements allow them, and so are
    the targets that other machines need.

    Args:
        project: The project.
        locking: What to lock with.
        notify: Gets a step per target.
        upgrade: What to take the newest versions of.

    Raises:
        Unsatisfiable: The requirements contradict each other.
        UnknownPackage: A package to upgrade is not in the lock.
        IndexUnreachable: The package index does not answer.
        PythonUnsupported: The image's Python does not fit `algo.toml`.
    """
    old = _readable(project, notify)
    found = locking.resolve(project, old, upgrade, notify=notify)
    kept = None if upgrade.everything else old
    runtimes, models = kept.runtimes if kept else {}, old.models if old else ()
    files = {name: sha256(data) for name, data in found.beside.items()}
    bases, asked = (kept.bases, kept.asked) if kept else ({}, {})
    lock = Lock(locking.inputs(project), found.pins, runtimes, files, models, bases, asked)
    for name, data in found.beside.items():
        if _digest(project.root / name) != files[name]:
            replace_file(project.root / name, data)
    if lock != old:
        write(lock, project.lock_path)
    return Locked(lock, changes(old, lock))


def _pinned(
    project: Project, locking: Locking, old: Lock | None, upgrade: Upgrade, notify: Notify
) -> Resolved:
    """Return the packages of Python that `project` needs."""
    python = project.manifest.environment.python
    if not locking.brings_python:
        _check_python(python, "the image has", locking.image_python)
    requirements = _requirements(project)
    _check_targets(requirements, locking)
    if requirements.unread:
        first, others = requirements.runtime[0].name, " and ".join(requirements.unread)
        verb = "is" if len(requirements.unread) == 1 else "are"
        notify(Note(f"{first} says what is locked; {others} {verb} not read"))
    if not locking.targets:
        raise RequirementInvalid(
            f"{requirements.runtime[0].name} is for {', '.join(locking.platforms)}: neither images "
            "nor this machine are",
            hint="add linux-64 to its platforms, then: algo lock",
        )
    before = {} if old is None else upgrade.kept(old)
    if (pinned := next((one for one in requirements.runtime if one.pins), None)) is not None:
        _leave_to(pinned, upgrade, old, notify)
    targets = tuple(dict.fromkeys((*locking.targets, *_elsewhere(old))))
    accelerator = settled(locking.accelerator, (pin for pins in before.values() for pin in pins))
    locking = structs.replace(locking, accelerator=accelerator)
    pins = _resolve(requirements, targets, locking, before, notify)
    pins = _build(pins, project, locking, before, notify)
    for pin in (pin for found in pins.values() for pin in found if pin.kind == CONDA):
        if pin.name == "python":
            _check_python(python, f"{requirements.runtime[0].name} leads to", pin.version)
    for source in requirements.runtime:
        if warning := unwanted_cuda(source, locking.accelerator, pins):
            notify(Warned(warning))
    beside = locking.manager.beside([pin for found in pins.values() for pin in found])
    return Resolved(pins, beside)


def _leave_to(source: Source, upgrade: Upgrade, old: Lock | None, notify: Notify) -> None:
    """Say who takes newer versions where another tool's lock has them.

    Raises:
        RequirementInvalid: A package was named that this lock has.
    """
    own = source.path.name == UV_LOCK
    targets = old.targets.items() if old else ()
    tests = {pin.name for target, pins in targets if target.group == TEST for pin in pins}
    wanted = [name for name in upgrade.packages if name not in tests]
    if wanted:
        words = " ".join(f"--upgrade-package {name}" for name in wanted)
        again = f"uv lock {words}" if own else f"make {source.name} anew with newer versions"
        raise RequirementInvalid(
            f"the version of {' and '.join(wanted)} is what {source.name} says",
            hint=f"{again}, then: algo lock",
        )
    if upgrade.everything:
        again = "uv lock --upgrade" if own else f"make {source.name} anew"
        notify(Note(f"{source.name} says the versions, which stay: {again}, then: algo lock"))


def _check_python(asked: str, what: str, version: str) -> None:
    if not fits(asked, version):
        raise PythonUnsupported(f"algo.toml asks for Python {asked}, {what} {version}")


def _check_targets(requirements: Requirements, locking: Locking) -> None:
    """Refuse a Python that `requires-python` excludes: uv only warns of it."""
    for source in requirements.runtime:
        wanted = requires_python(source)
        for target in locking.targets if wanted else ():
            if admits(wanted, target.python, source.name):
                continue
            again = f"change requires-python in {source.name} so that it takes {target.python}"
            if target.platform not in IMAGE_PLATFORMS or target.python != locking.image_python:
                again = f'set python = "{wanted}" under [environment] of algo.toml'
            raise PythonUnsupported(
                f"{source.name} requires Python {wanted}, and {target} is needed",
                hint=f"{again}, then: algo lock",
            )


def _digest(path: Path) -> str:
    return sha256(path.read_bytes() if path.is_file() else b"")


def sha256(data: bytes) -> str:
    """Return the digest of `data` as a lock has it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _requirements(project: Project) -> Requirements:
    return requirements_of(project)


def _inputs(project: Project, requirements: Requirements) -> str:
    environment = project.manifest.environment
    gpu, torch = environment.gpu, environment.torch
    return inputs_digest(requirements, environment.python, gpu=gpu, torch=torch)


def _readable(project: Project, notify: Notify) -> Lock | None:
    """Return the lock that is there; one that cannot be read is made anew, and said so."""
    try:
        return read(project.lock_path)
    except LockInvalid as error:
        notify(Warned(f"{error.message}: making it anew, so versions may change"))
        return None


def _resolve(
    requirements: Requirements,
    targets: Iterable[Target],
    locking: Locking,
    before: Mapping[Target, Sequence[Pin]],
    notify: Notify,
) -> dict[Target, tuple[Pin, ...]]:
    """Resolve for all targets, the runtime's at once and then those of tests.

    A target keeps what it had `before`, and else takes what others had.
    """
    prefer = _versions(pin for pins in before.values() for pin in pins)
    images = {locking.image_target(platform) for platform in IMAGE_PLATFORMS}
    wanted = list(targets)
    found: dict[Target, tuple[Pin, ...]] = {}

    def resolving(target: Target, prefer: Mapping[str, str]) -> Callable[[], tuple[Pin, ...]]:
        test = target.group == TEST
        return partial(
            locking.manager.resolve,
            requirements.test if test else requirements.runtime,
            target,
            wheels_only=target in images,
            prefer=prefer,
            fixed=found.get(structs.replace(target, group=RUNTIME), ()) if test else (),
            accelerator=locking.accelerator,
        )

    for group, sources in ((RUNTIME, requirements.runtime), (TEST, requirements.test)):
        ours = [target for target in wanted if target.group == group]
        if sources and ours:
            where = ", ".join(str(one).removesuffix(f" {group}") for one in ours)
            notify(Step(f"Locking {sources[0].name} for {where}"))
        own = {target: _versions(before.get(target, ())) for target in ours}
        results = together([resolving(target, {**prefer, **own[target]}) for target in ours])
        for target, pins in zip(ours, results, strict=True):
            free = {name: one for name, one in prefer.items() if name not in own[target]}
            if any(free.get(pin.name, pin.version) != pin.version for pin in pins):
                # Later targets take the versions of earlier ones, so that all run the same code.
                pins = resolving(target, {**prefer, **own[target]})()
            prefer = {pin.name: pin.version for pin in pins} | dict(prefer)
            there = {pin.name for pin in found.get(structs.replace(target, group=RUNTIME), ())}
            found[target] = tuple(pin for pin in pins if pin.name not in there)
    return _same_hashes(found)


def _versions(pins: Iterable[Pin]) -> dict[str, str]:
    return {pin.name: pin.version for pin in pins}


def _build(
    found: dict[Target, tuple[Pin, ...]],
    project: Project,
    locking: Locking,
    before: Mapping[Target, Sequence[Pin]],
    notify: Notify,
) -> dict[Target, tuple[Pin, ...]]:
    """Build what images need and no index has a wheel of."""
    built = dict(found)
    lacking = [target for target in found if any(pin.wheel for pin in found[target])]
    for target in lacking:
        built[target] = tuple(_as_before(pin, before.get(target, ())) for pin in found[target])
    for target in lacking * 2:  # what one image has may do for another one, in either order
        known = [pin for other in lacking for pin in built[other]]
        built[target] = locking.manager.build(built[target], target, project, known=known)
    for target in lacking:
        names = ", ".join(pin.name for pin in built[target] if pin.wheel == UNBUILT)
        if names:
            notify(
                Warned(
                    f"no index has a wheel of {names} for {target.platform}, and no engine here "
                    f"can build it: algo lock where one does, before an image for it is built"
                )
            )
    return built


def _as_before(pin: Pin, before: Iterable[Pin]) -> Pin:
    """Return `pin` with the wheel that was built of it for the lock before."""
    old = next((one for one in before if one.wheel and one.same_release(pin)), None)
    return replace(pin, wheel=old.wheel, tools=old.tools) if old and pin.wheel else pin


def _same_hashes(found: dict[Target, tuple[Pin, ...]]) -> dict[Target, tuple[Pin, ...]]:
    """Give a version the same hashes everywhere, so that the lock lists them once.

    Conda has one file for a platform, and no other will do.
    """
    hashes: dict[tuple[str, str], set[str]] = {}
    for pins in found.values():
        for pin in pins:
            hashes.setdefault((pin.name, pin.version), set()).update(pin.hashes)
    return {
        target: tuple(
            replace(pin, hashes=tuple(sorted(hashes[pin.name, pin.version])))
            if pin.kind == PIP
            else pin
            for pin in pins
        )
        for target, pins in found.items()
    }


def _elsewhere(lock: Lock | None) -> list[Target]:
    """Return the targets of other people's machines: those locked with a test group."""
    if lock is None:
        return []
    hosts = {(one.platform, one.python) for one in lock.targets if one.group == TEST}
    return sorted(one for one in lock.targets if (one.platform, one.python) in hosts)
