"""Steps of a language on this machine itself."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.languages.errors import ToolMissing
from algo.languages.interface import Finished
from algo.languages.spec import filled
from algo.languages.steps import values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from algo.events import Notify
    from algo.languages.interface import Work
    from algo.languages.spec import RuntimeSpec


@dataclass(frozen=True, slots=True)
class HostBench:
    """This machine (`languages.interface.Bench`).

    Args:
        language: Whose steps run.
        env: The environment of this process.
        key: What results depend on: not said of a machine, as they stay on it.
    """

    language: str
    env: Mapping[str, str]
    key: str = "host"

    def run(self, work: Work, *, notify: Notify) -> Finished:
        """Run one step.

        Raises:
            ToolMissing: A program that it needs is not on PATH.
        """
        places = {name: str(path) for name, path in work.places.items()}
        command = filled(work.words, values_of(places, work.values))
        require((program_of(command), *work.needs), self.language, self.env)
        done = subprocess.run(
            command,
            cwd=work.places[work.folder],
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Finished(done.returncode, done.stdout.decode(errors="replace"))


def require(programs: Iterable[str], language: str, env: Mapping[str, str]) -> None:
    """Refuse when one of `programs` is not on PATH.

    Raises:
        ToolMissing: It names the first of them.
    """
    for program in lacking(programs, env):
        raise ToolMissing(
            f"{program} is not on PATH, and {language} needs it outside a container",
            hint=f"install {program}, or pass --engine docker",
        )


def lacking(programs: Iterable[str], env: Mapping[str, str]) -> Iterator[str]:
    """Yield those of `programs` that are not on PATH."""
    for program in programs:
        if program and shutil.which(program, path=env.get("PATH")) is None:
            yield program


def program_of(words: Sequence[str]) -> str:
    """Return the program that `words` start: the first word behind `env` and its variables."""
    if words[:1] != ["env"] and words[:1] != ("env",):
        return words[0] if words else ""
    return next((word for word in words[1:] if "=" not in word and word[:1] != "-"), "env")


def starter_of(spec: RuntimeSpec) -> str:
    """Return the program that starts its runner, empty where that is what was compiled."""
    program = program_of(spec.command)
    return "" if program.startswith("{") else program


def programs_of(spec: RuntimeSpec) -> tuple[str, ...]:
    """Return the programs that `spec` needs on a machine that runs it outside a container."""
    found = [] if spec.build else [program_of(spec.command), program_of(spec.test)]
    if spec.tools is not None:
        found += [program_of(spec.tools.resolve), program_of(spec.tools.install)]
        found += spec.tools.needs
    if spec.build is not None:
        found += [program_of(spec.build.command), *spec.build.needs]
    return tuple(dict.fromkeys(one for one in found if one and not one.startswith("{")))
