"""Python packages through uv: resolved for any platform, installed by hash."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from algo.environments.errors import (
    InstallFailed,
    RequirementInvalid,
    RequirementsStale,
    Unsatisfiable,
)
from algo.environments.indexes import Indexes, indexes_of, local_hashes
from algo.environments.normalise import normalise
from algo.environments.pylock import select
from algo.environments.requirements import PYPROJECT, UV_LOCK, find_requirements
from algo.environments.uv import TORCH_INDEX, Uv
from algo.environments.virtualenv import make_virtualenv
from algo.project.lock import Pin
from algo.resources import scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from algo.environments.interpreters import Interpreter
    from algo.environments.requirements import Source
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
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(.*)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_TORCH = re.compile(rf"# from https://{re.escape(TORCH_INDEX)}/whl/(\w+)")
PYTORCH = "pytorch/"


@dataclass(frozen=True, slots=True)
class Pip:
    """The package manager of Python, on uv.

    Args:
        env: The environment to run uv in: proxies, certificates and UV_* settings count.
    """

    env: Mapping[str, str]

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
            return self._read_lock(source, target)
        with scratch("lock") as folder:
            output, constraints = Path(folder, "locked.txt"), Path(folder, "fixed.txt")
            output.write_text("".join(f"{name}=={prefer[name]}\n" for name in sorted(prefer)))
            constraints.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in fixed))
            root = source.path.parent
            arguments = ["pip", "compile", *_asking(source)]
            arguments += ["--output-file", str(output), "--constraint", str(constraints)]
            arguments += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
            arguments += ["--emit-index-annotation", *_targeting(target)]
            arguments += ["--only-binary", ":all:"] if wheels_only else []
            if accelerator and target.platform.startswith("linux/"):
                arguments += ["--torch-backend", accelerator]
            if wheels_only or target.python == _MINOR:
                # Nothing is built, or by this very Python: uv need not try every other one.
                arguments += ["--python", sys.executable]
            failure = Unsatisfiable(f"{source.name} cannot be met on {target}")
            Uv(self.env).run(arguments, root, failure)
            indexes = indexes_of([source], self.env)
            return parse_pins(output.read_text(encoding="utf-8"), source.name, indexes.folders)

    def read(self, path: Path) -> tuple[Pin, ...]:
        """Read a requirements file in which every line has hashes."""
        return parse_pins(path.read_text(encoding="utf-8"), path.name)

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
        arguments = ["--target", str(folder), "--only-binary", ":all:", *_targeting(target)]
        arguments += ["--python", sys.executable]
        self._install(pins, project, arguments, f"for {target}")
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
        self, pins: Sequence[Pin], project: Project | None, arguments: list[str], what: str
    ) -> None:
        indexes = indexes_of(_sources(project), self.env)
        with scratch("install") as folder:
            path = Path(folder, "locked.txt")
            path.write_text(render_pins(pins, indexes.lines), encoding="utf-8")
            command = ["pip", "install", "--require-hashes", "--no-deps", "--quiet"]
            command += [f"--torch-backend={one}" for one in _accelerators(pins)]
            failure = InstallFailed(f"the locked packages could not be installed {what}")
            # Where uv finds the settings of the project.
            root = project.root if project else Path(folder)
            more = self._finding(indexes)
            Uv(self.env).run([*command, "-r", str(path), *arguments], root, failure, more)

    def _finding(self, indexes: Indexes) -> dict[str, str]:
        """Return the variables with which uv finds by its hash what it found when it locked."""
        if not indexes:
            return {}
        named = " ".join([*indexes.named, *filter(None, [self.env.get("UV_INDEX", "")])])
        # Each index is asked for each package, and the hash decides: no other file comes in.
        found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
        return found | ({"UV_INDEX": named} if named else {})

    def _read_lock(self, source: Source, target: Target) -> tuple[Pin, ...]:
        """Return what the lock of another tool pins."""
        text = source.path.read_text(encoding="utf-8")
        if source.path.name == UV_LOCK:
            arguments = ["export", "--locked", "--no-emit-project", "--format", "pylock.toml"]
            arguments += ["--no-default-groups", "--no-header", "--quiet", "--no-progress"]
            arguments += ["--only-group", source.group] if source.group else []
            arguments += ["--extra", source.extra] if source.extra else []
            stale = RequirementsStale("uv.lock does not fit pyproject.toml")
            text = Uv(self.env).run(arguments, source.path.parent, stale)
        return select(text, source.name, target)[0]


def parse_pins(text: str, where: str, folders: Sequence[Path] = ()) -> tuple[Pin, ...]:
    """Read a requirements file in which every line is `name==version --hash=…`.

    Args:
        text: Its text. A comment below a line may name the index that the package is from.
        where: What to call it in an error.
        folders: Where packages lie that no index has hashes of.

    Raises:
        RequirementInvalid: A line is not of this form, or has no hash.
    """
    pins: list[Pin] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if pins and (index := _TORCH.fullmatch(line.strip())):
            pins[-1] = replace(pins[-1], source=f"{PYTORCH}{index[1]}")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _PIN.fullmatch(line.strip())
        if not match:
            raise RequirementInvalid(
                f"{where}: {line.split(' --hash')[0].strip()!r} cannot be locked",
                details="A lock holds names, versions and hashes; not addresses and folders.",
                hint="publish the package to an index and require it by name",
            )
        hashes = tuple(sorted(set(_HASH.findall(match[3]))))
        hashes = hashes or local_hashes(match[1].lower(), match[2], folders)
        if not hashes:
            raise RequirementInvalid(f"{where}: the index gives no SHA-256 for {match[1]}")
        pins.append(Pin(match[1].lower(), match[2], hashes))
    return tuple(sorted(pins))


def render_pins(pins: Iterable[Pin], options: Iterable[str] = ()) -> str:
    """Return `pins` as a requirements file with hashes, below `options`."""
    return "".join(f"{option}\n" for option in options) + "".join(
        f"{pin.name}=={pin.version}" + "".join(f" --hash={one}" for one in pin.hashes) + "\n"
        for pin in pins
    )


def _targeting(target: Target) -> list[str]:
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
    found = find_requirements(project.root, project.manifest.environment.requirements)
    return (*found.runtime, *found.test)


def _accelerators(pins: Iterable[Pin]) -> list[str]:
    """Return the build of PyTorch that `pins` were locked with, if one was chosen."""
    found = {pin.source.removeprefix(PYTORCH) for pin in pins if pin.source.startswith(PYTORCH)}
    return sorted(found)[:1]
