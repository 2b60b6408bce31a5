"""Steps of a language on this machine itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.children import run
from algo.events import Note
from algo.languages.errors import ToolMissing, ToolTooOld
from algo.languages.interface import Finished
from algo.languages.spec import filled
from algo.languages.steps import values_of
from algo.languages.versions import older
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from algo.errors import AlgoError
    from algo.events import Notify
    from algo.languages.interface import Bench, Work
    from algo.languages.spec import RuntimeSpec
    from algo.languages.versions import Programs


class HostBench(Value, frozen=True):
    """This machine (`languages.interface.Bench`).

    Args:
        spec: The language whose steps run.
        programs: What is on PATH.
        key: What results depend on: not said of a machine, as they stay on it.
    """

    spec: RuntimeSpec
    programs: Programs
    key: str = "host"

    def unfit(self, work: Work) -> AlgoError | None:
        """Return why a step cannot run here, None where it can."""
        oldest = {**self.spec.oldest, **work.oldest}
        needed = (program_of(work.words), *work.needs)
        return unfit(needed, self.spec.language, oldest, self.programs)

    def run(self, work: Work, *, notify: Notify) -> Finished:
        """Run one step.

        Raises:
            ToolMissing: A program that it needs is not on PATH.
            ToolTooOld: One is older than what the language works with.
        """
        problem = self.unfit(work)
        if problem is not None:
            raise problem
        places = {name: str(path) for name, path in work.places.items()}
        words = filled(work.words, values_of(places, work.values))
        done = run(words, cwd=work.places[work.folder], env=self.programs.env)
        return Finished(done.returncode, done.stdout.decode(errors="replace"))


class HostFirst(Value, frozen=True):
    """This machine; a container for a step that wants a newer program than the language does.

    That is for resolving, whose result is the same in both. What a container installs or compiles
    is for its own versions of the language and of libraries, so that a program which is missing is
    told at once: the next step would need it here.

    Args:
        host: This machine.
        container: Finds the other; None where no container engine answers.
        key: As that of this machine.
    """

    host: HostBench
    container: Callable[[], Bench | None]
    key: str = "host"

    def run(self, work: Work, *, notify: Notify) -> Finished:
        """Run one step, and say so where it runs in a container.

        Raises:
            ToolMissing: A program is not on PATH.
            ToolTooOld: One is older than what the language works with, or than what this step
                wants, and there is no container either.
        """
        problem = self.host.unfit(work)
        if problem is not None and self.host.unfit(replace(work, oldest={})) is None:
            container = self.container()
            if container is not None:
                notify(Note(f"{problem.message}: this step runs in one"))
                return container.run(work, notify=notify)
        return self.host.run(work, notify=notify)


def require(programs: Iterable[str], spec: RuntimeSpec, known: Programs) -> None:
    """Refuse when one of `programs` is not on PATH, or is too old.

    Raises:
        ToolMissing: It names the first that is not there.
        ToolTooOld: It names the first that is too old.
    """
    problem = unfit(programs, spec.language, spec.oldest, known)
    if problem is not None:
        raise problem


def unfit(
    programs: Iterable[str], language: str, oldest: Mapping[str, str], known: Programs
) -> AlgoError | None:
    """Return what is wrong with the first of `programs` that cannot be used, None for nothing."""
    needed = [program for program in dict.fromkeys(programs) if program]
    for program in lacking(needed, known.env):
        return ToolMissing(
            f"{program} is not on PATH, and {language} needs it outside a container",
            hint=f"install {program}, or pass --engine docker",
        )
    for program in needed:
        least = oldest.get(program, "")
        version = known.version(program) if least else ""
        if older(version, least):
            return ToolTooOld(
                f"{program} {version} is too old: {language} needs {least} or a newer one"
                " outside a container",
                hint=f"install {program} {least} or newer, or pass --engine docker",
            )
    return None


def unusable(spec: RuntimeSpec, known: Programs) -> Iterator[str]:
    """Yield the programs of `spec` that are not here, and with their least version the too old."""
    oldest = {**spec.oldest, **(spec.tools.oldest if spec.tools else {})}
    for program in programs_of(spec):
        least = oldest.get(program, "")
        if any(lacking((program,), known.env)):
            yield program
        elif least and older(known.version(program), least):
            yield f"{program} {least}"


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
