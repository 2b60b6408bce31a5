"""Wheels of packages that come as source: built in the runtime image, kept by their hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import tomllib
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from algo.environments.errors import WheelBuildFailed, WheelDiffers, WheelMissing
from algo.environments.fetch import fetch
from algo.events import Step
from algo.project.lock import UNBUILT, Pin
from algo.resources import writing
from algo.storage.held import PROCESS
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from algo.environments.interface import Workshop
    from algo.environments.pip import Pip
    from algo.project.lock import Target
    from algo.project.project import Project

# What PEP 518 says of a package that names nothing.
_DEFAULT = ["setuptools>=40.8.0"]
_PURE = "-none-any.whl"
_ROUNDS = 3


class _Note(msgspec.Struct, frozen=True):
    wheel: str
    tools: tuple[str, ...]


class Wheels(Value, frozen=True):
    """Builds wheels and keeps them.

    Args:
        pip: Finds sources and installs the tools that build.
        cache: The user's cache.
        workshop: Where packages are built.
    """

    pip: Pip
    cache: Path
    workshop: Workshop

    def build(
        self, pins: Sequence[Pin], target: Target, project: Project, *, known: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Return `pins` with a wheel for each that is `UNBUILT`; see `PackageManager.build`."""
        return tuple(
            self._built(pin, target, project, known) if pin.wheel == UNBUILT else pin
            for pin in pins
        )

    def wheel(self, pin: Pin, target: Target, project: Project | None) -> Path:
        """Return the wheel of `pin`, built again when it is not kept.

        Raises:
            WheelMissing: It was never built, or cannot be built again here.
            WheelDiffers: Built again it is another one.
        """
        kept = self._kept(pin.wheel)
        if kept is not None:
            return kept
        what, platform = f"{pin.name} {pin.version} comes as source alone", target.platform
        if pin.wheel == UNBUILT:
            raise WheelMissing(f"{what}, and was not built for {platform} when it was locked")
        if project is None or not self.workshop.serves(project, target):
            text = f"{what}; its wheel for {platform} is not here, and no engine can build it"
            raise WheelMissing(text, hint="start Docker, and run it again")
        again = self._make(pin, target, project, pin.tools)
        if again.wheel != pin.wheel:
            raise WheelDiffers(
                f"{pin.name} {pin.version} was built again, and its wheel is not the locked one: "
                f"{again.wheel[:19]}, not {pin.wheel[:19]}",
                hint=f"algo lock --upgrade {pin.name}",
            )
        return self.wheel(again, target, project)

    def _built(self, pin: Pin, target: Target, project: Project, known: Sequence[Pin]) -> Pin:
        for one in known:
            kept = self._kept(one.wheel) if one.same_release(pin) else None
            if kept is not None and kept.name.endswith(_PURE):
                return replace(pin, wheel=one.wheel, tools=one.tools)
        note = self._note(pin, target, project)
        found = _read(note)
        if found is not None and self._kept(found.wheel) is not None:
            return replace(pin, wheel=found.wheel, tools=found.tools)
        if not self.workshop.serves(project, target):
            return pin
        made = self._make(pin, target, project, None)
        with writing(self.cache):
            unfinished = note.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(msgspec.json.encode(_Note(made.wheel, made.tools)))
            unfinished.replace(note)
        return made

    def _make(
        self, pin: Pin, target: Target, project: Project, tools: tuple[str, ...] | None
    ) -> Pin:
        """Build `pin`, keep its wheel, and return it with that."""
        notify = self.pip.notify
        what = f"{pin.name} {pin.version} for {target.platform} python{target.python}"
        notify(Step(f"Building {what}, which no index has a wheel of"))
        with self._scratch() as folder:
            (folder / "sdist").mkdir()
            url = self.pip.source_of(pin, target, project)
            archive = fetch(url, folder / "sdist", pin, self.pip.indexes(project), self.pip.env)
            requires = _requires(archive)
            for _ in range(_ROUNDS):
                with_what = self._install_tools(requires, tools, target, project, folder)
                problem = self.workshop.build(project, target, folder, notify=notify)
                if problem:
                    what = f"{pin.name} {pin.version} could not be built for {target.platform}"
                    raise WheelBuildFailed(what, details=problem.strip())
                more = folder / "requires.json"
                if not more.is_file():
                    return replace(pin, wheel=self._keep(folder / "wheel"), tools=with_what)
                requires = [*requires, *msgspec.json.decode(more.read_bytes(), type=list[str])]
                for one in ("requires.json", "source", "tools"):
                    _remove(folder / one)
        raise WheelBuildFailed(f"{pin.name} {pin.version} asks for other tools at each try")

    def _install_tools(
        self,
        requires: list[str],
        locked: tuple[str, ...] | None,
        target: Target,
        project: Project,
        folder: Path,
    ) -> tuple[str, ...]:
        """Install what builds the package, and return it as a lock holds it."""
        if locked is None:
            asked = folder / "tools.in"
            asked.write_text("".join(f"{line}\n" for line in requires), encoding="utf-8")
            pins = self.pip.tools(asked, target, project)
        else:
            pins = tuple(_tool(line) for line in locked)
        self.pip.install(pins, target, folder / "tools", project=project)
        return tuple(" ".join([f"{pin.name}=={pin.version}", *pin.hashes]) for pin in pins)

    def _kept(self, digest: str) -> Path | None:
        """Return the wheel of a hash when it is whole; it stays until this process ends."""
        home = self.cache / "wheels" / digest.removeprefix("sha256:")
        for path in home.glob("*.whl") if digest not in ("", UNBUILT) else ():
            if not PROCESS.hold(path):
                continue
            with path.open("rb") as file:
                if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == digest:
                    os.utime(path)  # `prune` goes by that
                    return path
        return None

    def _keep(self, folder: Path) -> str:
        (wheel,) = folder.iterdir()
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        place = self.cache / "wheels" / found
        place.mkdir(parents=True, exist_ok=True)
        wheel.replace(place / wheel.name)
        return f"sha256:{found}"

    def _note(self, pin: Pin, target: Target, project: Project) -> Path:
        said = f"{pin.identity}\n{target}\n{self.workshop.key(project, target)}"
        key = hashlib.sha256(said.encode()).hexdigest()
        return self.cache / "wheels" / f"{key[:40]}.json"

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Give a folder that an engine can see, as it sees the rest of the cache."""
        home = self.cache / "tmp"
        with writing(self.cache):
            home.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _read(note: Path) -> _Note | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=_Note)
    except (OSError, msgspec.DecodeError):
        return None


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _tool(line: str) -> Pin:
    name, _, rest = line.partition("==")
    version, *hashes = rest.split(" ")
    return Pin(name, version, tuple(hashes))


def _requires(archive: Path) -> list[str]:
    """Return what the `pyproject.toml` of a source archive asks for to build it (PEP 518)."""
    try:
        document: dict[str, Any] = tomllib.loads(_pyproject(archive).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, tarfile.TarError, OSError) as error:
        raise WheelBuildFailed(f"{archive.name} cannot be read: {error}") from error
    return list(document.get("build-system", {}).get("requires", _DEFAULT))


def _pyproject(archive: Path) -> bytes:
    """Return the `pyproject.toml` at the top of a source archive, empty when it has none."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if _at_top(name)]
            return opened.read(names[0]) if names else b""
    with tarfile.open(archive) as packed:
        for member in packed:
            content = packed.extractfile(member) if _at_top(member.name) else None
            if content is not None:
                return content.read()
    return b""


def _at_top(name: str) -> bool:
    parts = name.removeprefix("./").split("/")
    return len(parts) == 2 and parts[1] == "pyproject.toml"
