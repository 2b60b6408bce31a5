"""Conda packages: locked by conda-lock, laid out by py-rattler; their pip section through uv."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import field

from algo.children import run
from algo.environments.accelerator import DRIVER, cuda
from algo.environments.conda.environment import CondaEnvironment
from algo.environments.conda.errors import PlatformUnsupported, failure_of, require_extra
from algo.environments.conda.kept import ARCHIVES, PACKAGES, home_of, using
from algo.environments.conda.locker import Locker
from algo.environments.conda.lockfile import CondaLock, Package, locked, parse
from algo.environments.conda.names import LOCKFILE, on_pypi, platforms, subdir_of
from algo.environments.conda.tidy import settle_scripts, site_packages, tidy
from algo.environments.errors import RequirementInvalid
from algo.environments.hashes import named_hashes
from algo.environments.requirements import Source
from algo.project.lock import CONDA, PIP, RUNTIME, Target
from algo.resources import scratch
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.environments.interface import PackageManager
    from algo.environments.interpreters import Interpreter
    from algo.project.lock import Pin
    from algo.project.project import Project
    from algo.resources import Folders

# What every lock covers, and so is solved for at once.
_ALWAYS = ("linux/amd64", "linux/arm64")
# For GPUs where no driver tells: drivers since 525 run it (CUDA minor version compatibility).
_CUDA = "12.8"


class _Asked(Value, frozen=True):
    """How packages are wanted, as `PackageManager.resolve` takes it."""

    wheels_only: bool
    prefer: Mapping[str, str]
    accelerator: str

    def cuda(self, env: Mapping[str, str]) -> str:
        """Return the CUDA that may be relied on, `12.8`; empty for none."""
        known, wants = cuda(self.accelerator), self.accelerator.startswith(DRIVER)
        return known or (wants and env.get("CONDA_OVERRIDE_CUDA")) or (_CUDA if wants else "")


class Conda(Value, frozen=True):
    """The package manager of conda environments.

    Args:
        env: Proxies, certificates, CONDA_* and UV_* variables count.
        folders: What is fetched lies in the cache.
        pip: Does what conda leaves to pip.
    """

    env: Mapping[str, str]
    folders: Folders
    pip: PackageManager
    _solved: dict[tuple[str, str], Path] = field(default_factory=dict)
    # Targets are resolved at once.
    _solving: threading.Lock = field(default_factory=threading.Lock)

    def resolve(
        self,
        requirements: Sequence[Source],
        target: Target,
        *,
        wheels_only: bool,
        prefer: Mapping[str, str],
        fixed: Sequence[Pin] = (),
        accelerator: str = "",
    ) -> tuple[Pin, ...]:
        """Resolve with conda-lock and uv; see `PackageManager.resolve`.

        Raises:
            CondaNotInstalled: The extra is not installed.
            PlatformUnsupported: Conda has nothing for the target's platform.
        """
        if not requirements:
            return ()
        require_extra()
        asked = _Asked(wheels_only, prefer, accelerator)
        if target.group != RUNTIME:
            return self._pip(requirements[0], target, asked, fixed, _packages_of(fixed, target))
        source = requirements[0].path
        environment = CondaEnvironment.read(source)
        subdir = _subdir(target)
        origin = self._solve(environment, source, target, asked)
        packages = parse((origin / LOCKFILE).read_text(encoding="utf-8")).of(subdir)
        pins = tuple(sorted(package.pin(origin) for package in packages))
        lines = environment.for_pip(subdir, source.parent)
        if not lines:
            return pins
        with scratch("pip") as folder:
            path = Path(folder, f"{source.name} (pip)")
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            found = self._pip(Source(path), target, asked, pins, packages)
        return tuple(sorted((*pins, *found)))

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Build what pip's section has as source alone; see `PackageManager.build`."""
        conda, pip = _parted(pins)
        if not any(pin.wheel for pin in pip):
            return tuple(pins)
        inner = Target(target.platform, _minor(conda), target.group)
        return tuple(sorted((*conda, *self.pip.build(pip, inner, project, known=known))))

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read a file of hashed requirements."""
        return self.pip.read(path)

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Lay out conda's packages for the path `place`, and put pip's into their Python.

        Raises:
            LockInvalid: `conda-lock.yml` is not the one that belongs to the lock.
        """
        conda, pip = _parted(pins)
        self._lay_out(conda, target.platform, folder, place)
        tidy(folder, place or str(folder))
        if pip:
            library = site_packages(folder)
            inner = Target(target.platform, _minor(conda), target.group)
            self.pip.install(pip, inner, folder / library, project=project)
            settle_scripts(folder, library)

    def create(self, pins: Sequence[Pin], root: Path, host: Interpreter) -> None:
        """Make an environment of conda's packages; on the host's Python where they have none."""
        conda, _ = _parted(pins)
        if _python(conda) is None:
            self.pip.create((), root, host)
        self._lay_out(conda, host.platform, root, "")

    def fill(self, pins: Sequence[Pin], python: Path, *, project: Project | None = None) -> None:
        """Put pip's packages into the environment of `python`."""
        self.pip.fill(_parted(pins)[1], python, project=project)

    def beside(self, pins: Sequence[Pin]) -> dict[str, bytes]:
        """Return the `conda-lock.yml` that the pins came from."""
        origin = _origin(pins)
        return {LOCKFILE: (origin / LOCKFILE).read_bytes()} if origin else {}

    def _solve(
        self, environment: CondaEnvironment, path: Path, target: Target, asked: _Asked
    ) -> Path:
        """Return the folder of a `conda-lock.yml` for all platforms, made once for all targets."""
        key = (environment.text, target.platform)
        with self._solving:
            self._solve_once(environment, path, target, asked)
        return self._solved[key]

    def _solve_once(
        self, environment: CondaEnvironment, path: Path, target: Target, asked: _Asked
    ) -> None:
        if (environment.text, target.platform) not in self._solved:
            old = _last(path.with_name(LOCKFILE))
            wanted = dict.fromkeys(subdir_of(one) for one in (*_ALWAYS, target.platform))
            found = dict.fromkeys((*wanted, *(old.metadata.platforms if old else ())))
            allowed = environment.platforms
            subdirs = tuple(one for one in found if not allowed or one in allowed)
            locker = Locker(self.env, self.folders, self.pip, asked.cuda(self.env))
            first = not path.with_name("algo.lock").exists()
            made = locker.lock(environment, subdirs, _kept(old, asked.prefer, first=first))
            for platform in platforms():
                if subdir_of(platform) in subdirs:
                    self._solved[environment.text, platform] = made

    def _pip(
        self,
        source: Source,
        target: Target,
        asked: _Asked,
        fixed: Sequence[Pin],
        packages: Sequence[Package],
    ) -> tuple[Pin, ...]:
        """Resolve with uv what conda does not bring; what it brings stays as it is."""
        python = {one.name for one in packages if "python" in one.dependencies}
        plain = [
            replace(pin, name=on_pypi(pin.name), kind=PIP)
            for pin in fixed
            if pin.kind == PIP or (pin.name in python and _comparable(pin.version))
        ]
        brought = {on_pypi(pin.name) for pin in fixed if pin.kind == CONDA} & {
            pin.name for pin in plain
        }
        for one in named_hashes((source,)):
            if one.package in brought:
                raise RequirementInvalid(
                    f"{one.place}: {one.package} has a hash there, and conda brings another file",
                    hint=f"take {one.package} out of conda's dependencies or out of the pip "
                    "section, then: algo lock",
                )
        found = self.pip.resolve(
            (source,),
            Target(target.platform, _minor(fixed), target.group),
            wheels_only=asked.wheels_only,
            prefer=asked.prefer,
            fixed=plain,
            accelerator=asked.accelerator,
        )
        settled = {pin.name for pin in plain}
        return tuple(pin for pin in found if pin.name not in settled)

    def _lay_out(self, pins: Sequence[Pin], platform: str, folder: Path, place: str) -> None:
        """Fetch conda's packages, compare their digests and lay them out in `folder`."""
        require_extra()
        subdir = subdir_of(platform)
        packages = locked(pins, subdir)
        home = home_of(self.folders)
        job = {
            "packages": [
                {
                    "name": one.name,
                    "version": one.version,
                    "url": one.url,
                    "sha256": one.hash.sha256,
                }
                for one in packages
            ],
            "archives": str(home / ARCHIVES),
            "cache": str(home / PACKAGES),
            "folder": str(folder),
            "place": place if place != str(folder) else "",
            "subdir": subdir,
        }
        folder.mkdir(parents=True, exist_ok=True)
        with using(self.folders), scratch("conda") as name:
            path = Path(name, "job.json")
            path.write_text(json.dumps(job), encoding="utf-8")
            command = [sys.executable, "-P", "-m", "algo.environments.conda.worker", str(path)]
            env = dict(self.env) | {"TMPDIR": name}
            done = run(command, env=env, stderr=subprocess.PIPE)
            result = path.with_suffix(".done")
            said = json.loads(result.read_text()) if result.is_file() else {}
        if said.get("kind", "failed"):
            raise failure_of(
                said.get("kind", "failed"),
                said.get("text", done.stderr.decode(errors="replace")),
                subdir,
            )


def _subdir(target: Target) -> str:
    subdir = subdir_of(target.platform)
    if not subdir:
        raise PlatformUnsupported(
            f"conda has no packages for {target.platform}; it has them for {', '.join(platforms())}"
        )
    return subdir


def _parted(pins: Sequence[Pin]) -> tuple[list[Pin], list[Pin]]:
    """Return the pins that conda installs, and those that pip does."""
    conda = [pin for pin in pins if pin.kind == CONDA]
    return conda, [pin for pin in pins if pin.kind != CONDA]


def _origin(pins: Sequence[Pin]) -> Path | None:
    return next((pin.origin for pin in pins if pin.origin is not None), None)


def _packages_of(pins: Sequence[Pin], target: Target) -> tuple[Package, ...]:
    origin = _origin(pins)
    text = (origin / LOCKFILE).read_text(encoding="utf-8") if origin else ""
    return parse(text).of(_subdir(target)) if text else ()


def _python(pins: Sequence[Pin]) -> Pin | None:
    return next((pin for pin in pins if pin.kind == CONDA and pin.name == "python"), None)


def _minor(pins: Sequence[Pin]) -> str:
    python = _python(pins)
    if python is None:
        raise RequirementInvalid(
            "what pip installs needs a Python, and the conda environment has none",
            hint="write `- python` under dependencies of environment.yml, then: algo lock",
        )
    return ".".join(python.version.split(".")[:2])


def _comparable(version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def _last(path: Path) -> CondaLock | None:
    """Return the last `conda-lock.yml`; one that cannot be read is made anew."""
    from algo.project.errors import LockInvalid

    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, LockInvalid):
        return None


def _kept(old: CondaLock | None, prefer: Mapping[str, str], *, first: bool) -> list[dict[str, str]]:
    """Return the packages to keep; the file and not only the version, where that is known.

    Args:
        old: The last `conda-lock.yml`.
        prefer: The versions that are preferred.
        first: There was no lock of ours yet: what conda-lock locked for somebody else stays.
    """
    if old is None:
        found = sorted(prefer.items())
        return [{"name": name, "version": version, "sha256": ""} for name, version in found]
    return [
        {"name": one.name, "version": one.version, "sha256": one.hash.sha256 or ""}
        for one in old.package
        if one.manager == CONDA and (first or prefer.get(one.name) == one.version)
    ]
