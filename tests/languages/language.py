"""The languages that can be tested here, and the suite's program in each."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from algo_gateway.config import Options, runner_command

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True, slots=True)
class Language:
    """A language's runtime, and the program of the suite in it."""

    name: str
    runtime: Path
    program: Path

    @property
    def entrypoint(self) -> str:
        """`apply` of the program."""
        (source,) = (self.program / "src").glob("suite.*")
        return f"src/{source.name}:apply"

    def command(self, packages: Path) -> list[str]:
        """Return what runs the program: of a compiled language, what lies in `packages`."""
        here = Path()
        return runner_command(Options(here, here, self.runtime, packages, python=sys.executable))

    @property
    def lacking(self) -> str:
        """The program that this machine lacks to build or run it, empty for none."""
        (needed, *_) = self.settings.get("build") or self.command(Path())
        return "" if shutil.which(needed) else needed

    @property
    def settings(self) -> dict[str, Any]:
        """Its `runtime.toml`."""
        return tomllib.loads((self.runtime / "runtime.toml").read_text(encoding="utf-8"))

    def build(self, app: Path, packages: Path, entrypoint: str = "") -> None:
        """Compile the program in `app` into `packages`, where the language is compiled."""
        self.try_build(app, packages, entrypoint).check_returncode()

    def try_build(self, app: Path, packages: Path, entrypoint: str = "") -> CompletedProcess[str]:
        """Compile as `build` does; return how it went."""
        packages.mkdir(exist_ok=True)
        values = {"runtime": self.runtime, "app": app, "packages": packages}
        values["entrypoint"] = Path(entrypoint or self.entrypoint)
        command = [str(word).format(**values) for word in self.settings.get("build", ["true"])]
        return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False)


def languages() -> list[Language]:
    """Return every language that has a runtime and a program, by name."""
    found = sorted(path.parent for path in (ROOT / "runtimes").glob("*/runtime.toml"))
    named = [tomllib.loads((path / "runtime.toml").read_text())["language"] for path in found]
    return [
        Language(name, runtime, PROGRAMS / name)
        for name, runtime in zip(named, found, strict=True)
        if (PROGRAMS / name).is_dir()
    ]
