"""The languages that can be tested here, and the suite's program in each."""

from __future__ import annotations

import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

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

    @property
    def command(self) -> list[str]:
        """The runner on this machine."""
        here = Path()
        return runner_command(Options(here, here, self.runtime, python=sys.executable))

    @property
    def lacking(self) -> str:
        """The program that this machine lacks to run it, empty for none."""
        return "" if shutil.which(self.command[0]) else self.command[0]


def languages() -> list[Language]:
    """Return every language that has a runtime and a program, by name."""
    found = sorted(path.parent for path in (ROOT / "runtimes").glob("*/runtime.toml"))
    named = [tomllib.loads((path / "runtime.toml").read_text())["language"] for path in found]
    return [
        Language(name, runtime, PROGRAMS / name)
        for name, runtime in zip(named, found, strict=True)
        if (PROGRAMS / name).is_dir()
    ]
