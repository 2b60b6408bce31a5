"""Python packages through uv: resolved for any platform, installed by hash."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from algo.environments import accelerator as accelerators
from algo.environments.compiling import Compiling
from algo.environments.direct import refuse_direct
from algo.environments.errors import (
    IndexRefused,
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
    WheelBuildFailed,
    WheelMissing,
)
from algo.environments.explain import explained
from algo.environments.hashes import Named, keep_to, named_hashes, unfit
from algo.environments.indexes import Indexes, indexes_of, naming, unset
from algo.environments.interpreters import this_interpreter
from algo.environments.normalise import normalise
from algo.environments.pins import parse_pins, read_pins, render_pins
from algo.environments.pylock import select, source_in
from algo.environments.requirements import PYPROJECT, UV_LOCK, requirements_of, text_of
from algo.environments.uv import Uv, export
from algo.environments.virtualenv import make_virtualenv
from algo.events import Warned, silent
from algo.project.lock import UNBUILT, Pin
from algo.resources import scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from algo.environments.interface import Workshop
    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
    from algo.environments.wheels import Wheels
    from algo.events import Notify
    from algo.project.lock import Target
    from algo.project.project import Project

# The image is Debian trixie (glibc 2.41); 2.28 is what wheels are built for and older bases have.
_PLATFORMS = {
    "linux/amd64": "x86_64-manylinux_2_28",
    "linux/arm64": "aarch64-manylinux_2_28",
    "darwin/amd64": "x86_64-apple-darwin",
    "darwin/arm64": "aarch64-apple-darwin",
}
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Pip:
    """The package manager of Python, on uv.

    Args:
        env: The environment to run uv in: proxies, certificates and UV_* settings count.
        workshop: Where packages are built that come as source; None builds none.
        cache: The user's cache, which keeps what was built.
        notify: Gets a step per package that is built.
    """

    env: Mapping[str, str]
    workshop: Workshop | None = None
    cache: Path | None = None
    notify: Notify = silent
    # What uv.lock was exported to; targets are resolved at once.
    _exports: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _exporting: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

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
        """Resolve with `uv pip compile`; see `PackageManager.resolve`."""
        if not requirements:
            return ()
        (source,) = requirements
        if source.pins:
            return self._read_lock(source, target, wheels_only=wheels_only)
        refuse_direct(requirements)
        hashes = named_hashes(requirements)
        asking = [*_asking(source), *targeting(target)]
        on_linux = target.platform.startswith("linux/")
        torch, more = accelerators.arguments(accelerator if on_linux else "")
        asking += torch
        if wheels_only or target.python == _MINOR:
            # Nothing is built, or by this very Python: uv need not try every other one.
            asking += ["--python", sys.executable]
        failure = Unsatisfiable(f"{source.name} cannot be met on {target}")
        compiling = Compiling(
            Uv({**self.env, **more}), source.path.parent, asking, prefer, fixed, failure
        )
        folders = indexes_of([source], self.env).folders
        try:
            if wheels_only:
                pins = compiling.for_image(source.name, target, folders)
            else:
                pins = parse_pins(compiling.text(), source.name, folders)
        except Unsatisfiable as error:
            raise explained(error, requirements) from error
        except (IndexUnreachable, IndexRefused) as error:
            place = naming(error.details, requirements, self.env)
            if not place:
                raise
            missing = unset(requirements, self.env)
            hint = f"check the address in {place}; or: {error.hint}"
            hint = f"export {missing[0]}=…, which {place} asks for" if missing else hint
            text = f"{error.message}; {place} names it"
            raise type(error)(text, details=error.details, hint=hint) from error
        kept = keep_to(hashes, pins)
        if hashes:
            self._refuse_unfit(hashes, kept, compiling, target, wheels_only=wheels_only)
        return kept

    def _refuse_unfit(
        self,
        hashes: Sequence[Named],
        pins: Sequence[Pin],
        compiling: Compiling,
        target: Target,
        *,
        wheels_only: bool,
    ) -> None:
        """Tell of hashes that are of no file for `target`: it could not be installed there.

        Raises:
            HashMismatch: That is so of this machine's platform; of another it is a warning.
        """
        again = structs.replace(compiling, prefer={pin.name: pin.version for pin in pins})
        wheels = [pin.name for pin in pins if pin.wheel != UNBUILT] if wheels_only else []
        text = again.pylock(*(f"--only-binary={name}" for name in wheels))
        try:
            fitting, _ = select(text, "what uv found", target)
        except (
            RequirementInvalid
        ):  # a folder's packages have no hashes there, and all of them are here
            return
        for problem in unfit(hashes, pins, fitting, target):
            if target.platform.partition("/")[2] == this_interpreter().platform.partition("/")[2]:
                raise problem
            self.notify(Warned(f"{problem.message}, where it cannot be installed"))

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Build what no index has a wheel of; see `PackageManager.build`."""
        wheels = self._wheels()
        return tuple(pins) if wheels is None else wheels.build(pins, target, project, known=known)

    def tools(self, asked: Path, target: Target, project: Project) -> tuple[Pin, ...]:
        """Return what builds a package that names `asked` as a file of requirements."""
        text = asked.read_text(encoding="utf-8")
        asked.write_text(self._head(project) + text, encoding="utf-8")
        asking = [str(asked), *targeting(target), "--python", sys.executable]
        failure = WheelBuildFailed(f"the tools that build a package cannot be had: {text.strip()}")
        compiling = Compiling(Uv(self.env), project.root, asking, {}, (), failure)
        folders = self.indexes(project).folders
        return parse_pins(compiling.text("--only-binary", ":all:"), "its build", folders)

    def source_of(self, pin: Pin, target: Target, project: Project) -> str:
        """Return where the source archive of `pin` lies, an address or a path."""
        with scratch("source") as folder:
            asked = Path(folder, "source.in")
            asked.write_text(f"{self._head(project)}{pin.name}=={pin.version}\n", encoding="utf-8")
            asking = [str(asked), "--no-deps", *targeting(target), "--python", sys.executable]
            failure = WheelBuildFailed(f"{pin.name} {pin.version} cannot be had")
            compiling = Compiling(Uv(self.env), project.root, asking, {}, (), failure)
            return source_in(compiling.pylock("--no-binary", pin.name), pin.name, Path(folder))

    def indexes(self, project: Project | None) -> Indexes:
        """Return the indexes that the files of `project` name."""
        return indexes_of(_sources(project), self.env)

    def _head(self, project: Project) -> str:
        return "".join(f"{line}\n" for line in self.indexes(project).lines)

    def _wheels(self) -> Wheels | None:
        from algo.environments.wheels import Wheels

        if self.workshop is None or self.cache is None:
            return None
        return Wheels(self, self.cache, self.workshop)

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read a requirements file in which every line has hashes."""
        return read_pins(path)

    def install(
        self,
        pins: Sequence[Pin],
        target: Target,
        folder: Path,
        *,
        project: Project | None = None,
        place: str = "",
    ) -> None:
        """Install with `uv pip install --target`; see `PackageManager.install`."""
        folder.mkdir(parents=True, exist_ok=True)
        if not pins:
            return
        arguments = ["--target", str(folder), "--only-binary", ":all:", *targeting(target)]
        arguments += ["--python", sys.executable]
        with scratch("wheels") as built:
            for pin in pins:
                if pin.wheel:
                    wheel = self._wheel(pin, target, project)
                    shutil.copyfile(wheel, Path(built, wheel.name))
            pins = [replace(pin, hashes=(pin.wheel,)) if pin.wheel else pin for pin in pins]
            # As a line of the file it adds to UV_FIND_LINKS; as an argument it would replace it.
            lines = [f"--find-links {built}"] if any(pin.wheel for pin in pins) else []
            self._install(pins, project, arguments, f"for {target}", lines)
        normalise(folder)

    def create(self, pins: Sequence[Pin], root: Path, host: Interpreter) -> None:
        """Make a virtual environment of the host's Python."""
        make_virtualenv(root, host)

    def beside(self, pins: Sequence[Pin]) -> dict[str, bytes]:
        """Return nothing: a lock says all that there is to say."""
        return {}

    def fill(self, pins: Sequence[Pin], python: Path, *, project: Project | None = None) -> None:
        """Install with `uv pip install --python`; see `PackageManager.fill`."""
        if pins:
            where = f"into {python.parent.parent.name}"
            self._install(pins, project, ["--python", str(python)], where)

    def _install(
        self,
        pins: Sequence[Pin],
        project: Project | None,
        arguments: list[str],
        what: str,
        lines: Sequence[str] = (),
    ) -> None:
        indexes = self.indexes(project)
        with scratch("install") as folder:
            path = Path(folder, "locked.txt")
            path.write_text(render_pins(pins, [*lines, *indexes.lines]), encoding="utf-8")
            command = ["pip", "install", "--require-hashes", "--no-deps", "--quiet"]
            command += [f"--torch-backend={one}" for one in _accelerators(pins)]
            failure = InstallFailed(f"the locked packages could not be installed {what}")
            # Where uv finds the settings of the project.
            root = project.root if project else Path(folder)
            more = self._finding(indexes)
            Uv(self.env).run([*command, "-r", str(path), *arguments], root, failure, more)

    def _wheel(self, pin: Pin, target: Target, project: Project | None) -> Path:
        wheels = self._wheels()
        if wheels is None:
            text = f"{pin.name} {pin.version} comes as source alone, and nothing here builds it"
            raise WheelMissing(text)
        return wheels.wheel(pin, target, project)

    def _finding(self, indexes: Indexes) -> dict[str, str]:
        """Return the variables with which uv finds by its hash what it found when it locked."""
        if not indexes:
            return {}
        named = " ".join([*indexes.named, *filter(None, [self.env.get("UV_INDEX", "")])])
        # Each index is asked for each package, and the hash decides: no other file comes in.
        found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
        return found | ({"UV_INDEX": named} if named else {})

    def _read_lock(self, source: Source, target: Target, *, wheels_only: bool) -> tuple[Pin, ...]:
        """Return what the lock of another tool pins."""
        text = text_of(source.path)
        if source.path.name == UV_LOCK:
            with self._exporting:
                key = f"{source.name}\n{text}"
                if key not in self._exports:
                    self._exports[key] = export(source, Uv(self.env), self.notify)
                text = self._exports[key]
        pins, without = select(text, source.name, target)
        unbuilt = without if wheels_only else frozenset[str]()
        return tuple(replace(p, wheel=UNBUILT) if p.name in unbuilt else p for p in pins)


def targeting(target: Target) -> list[str]:
    """Return the arguments that have uv resolve for `target`."""
    platform = _PLATFORMS.get(target.platform)
    version = ["--python-version", target.python]
    return ["--python-platform", platform, *version] if platform else version


def _asking(source: Source) -> list[str]:
    """Return the arguments that have uv read `source`, for which its folder is the current one."""
    if source.group:
        return ["--group", f"{PYPROJECT}:{source.group}"]
    extra = ["--extra", source.extra] if source.extra else []
    return [os.path.relpath(source.path, source.path.parent), *extra]


def _sources(project: Project | None) -> tuple[Source, ...]:
    if project is None:
        return ()
    found = requirements_of(project)
    return (*found.runtime, *found.test)


def _accelerators(pins: Iterable[Pin]) -> list[str]:
    """Return the build of PyTorch that `pins` were locked with, if one was chosen."""
    found = {
        pin.source.removeprefix(accelerators.PYTORCH)
        for pin in pins
        if pin.source.startswith(accelerators.PYTORCH)
    }
    return sorted(found)[:1]
