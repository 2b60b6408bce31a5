"""The languages that can be tested here, and the suite's program in each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import pytest
from algo.languages.host import program_of
from algo.languages.runtimes import Runtimes
from algo.languages.spec import filled
from algo_gateway.config import Options, runner_command

from tests.machine.places import cache_folder

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"rust", "scala", "typescript"}
PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True, slots=True)
class Language:
    """A language's runtime, and the program of the suite in it.

    Args:
        name: The language's name.
        runtime: Its folder.
        program: The program's folder.
        native: Whether the runner's C is compiled for it, as it is in its image.
    """

    name: str
    runtime: Path
    program: Path
    native: bool = False

    @property
    def id(self) -> str:
        """What tests call it."""
        return f"{self.name}-native" if self.native else self.name

    def prepared(self, folder: Path) -> Language:
        """Return the same with its C compiled in `folder`, where it is `native`."""
        if not self.native:
            return self
        runtime, library = folder / "runtimes" / self.name, folder / "native"
        shutil.copytree(self.runtime, runtime)
        library.mkdir()
        for source in runtime.glob("*.c"):
            shutil.copy(source, library)
            command = ["R", "CMD", "SHLIB", source.name]
            strict = {**os.environ, "PKG_CFLAGS": "-Wall -Werror"}
            subprocess.run(command, cwd=library, env=strict, check=True, capture_output=True)
        return replace(self, runtime=runtime)

    @property
    def entrypoint(self) -> str:
        """`apply` of the program."""
        (source,) = (self.program / "src").glob("suite.*")
        return f"src/{source.name}:apply"

    def command(self, made: Path) -> list[str]:
        """Return what runs the program: of a compiled language, what lies in `made`."""
        here = Path()
        packages, program = made / "packages", made / "program"
        return runner_command(
            Options(here, here, self.runtime, packages, program, python=sys.executable)
        )

    @property
    def lacking(self) -> str:
        """The program that this machine lacks to build or run it, empty for none."""
        build = self.settings.get("build", {})
        needed = [program_of(build.get("command") or self.command(Path())), *build.get("needs", ())]
        needed += ["make", "gcc"] if self.native else []
        packages = self.settings.get("packages", {})
        if self._asks(self.program):
            needed += packages.get("needs", ())
        return next((one for one in needed if not shutil.which(one)), "")

    def _asks(self, app: Path) -> bool:
        """Tell whether a file asks for packages."""
        packages = self.settings.get("packages", {})
        asking = (*packages.get("files", ["none"])[:1], *packages.get("instead", ()))
        return any((app / name).is_file() for name in asking)

    @property
    def settings(self) -> dict[str, Any]:
        """Its `runtime.toml`, and what that of the folder says besides where it extends one."""
        folders = (self.runtime, self.runtime.parent / self.name)
        files = (folder / "runtime.toml" for folder in folders)
        documents = (tomllib.loads(file.read_text(encoding="utf-8")) for file in files)
        return {key: value for document in documents for key, value in document.items()}

    @property
    def has_image(self) -> bool:
        """Whether an image can be made for it."""
        return (self.runtime / "Dockerfile").is_file()

    def build(self, app: Path, made: Path, entrypoint: str = "") -> None:
        """Install and compile into folders of `made` what the program in `app` needs."""
        packages = self.settings.get("packages", {})
        steps = []
        if self._asks(app):
            names = ("resolve", "install")
            steps = [self._step(packages[name], app, made, entrypoint) for name in names]
        for done in (*steps, self.try_build(app, made, entrypoint)):
            assert done.returncode == 0, done.stderr

    def try_build(self, app: Path, made: Path, entrypoint: str = "") -> CompletedProcess[str]:
        """Compile as `build` does; return how it went."""
        command = self.settings.get("build", {}).get("command", ["true"])
        return self._step(command, app, made, entrypoint)

    def _step(
        self, words: list[str], app: Path, made: Path, entrypoint: str = ""
    ) -> CompletedProcess[str]:
        places = {name: made / name for name in ("packages", "program")}
        places["cache"] = cache_folder(f"languages/{self.name}")
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        values = {**places, "runtime": self.runtime, "app": app, "platform": "linux/amd64"}
        command = filled(words, values | {"entrypoint": entrypoint or self.entrypoint})
        return subprocess.run(command, cwd=app, text=True, stderr=subprocess.PIPE, check=False)


def each() -> list[ParameterSet]:
    """Return every language as a parameter of a test; whose compiler takes its time is slow."""
    return [
        pytest.param(one, id=one.id, marks=[pytest.mark.slow] if one.name in SLOW else [])
        for one in (*languages(), *natives())
    ]


def natives() -> list[Language]:
    """Return the languages whose runner has a part in C, which it does without on the host."""
    return [replace(one, native=True) for one in languages() if [*one.runtime.glob("*.c")]]


def languages() -> list[Language]:
    """Return every language that has a runtime and a program, by name."""
    runtimes = Runtimes(ROOT / "runtimes")
    return [
        Language(name, runtimes.folder(name), PROGRAMS / name)
        for name in runtimes.known
        if (PROGRAMS / name).is_dir()
    ]
