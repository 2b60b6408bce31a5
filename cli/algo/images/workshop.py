"""The workshop of a language: its runtime image and what builds; never shipped."""

from __future__ import annotations

import hashlib
import shutil
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from algo.events import Step
from algo.images.config import APP, PACKAGES, PROGRAM, ROOT, runner_place
from algo.images.errors import RuntimeUnavailable
from algo.images.image import REPOSITORY
from algo.images.load import ensure_loaded
from algo.images.recipe import host_platform, read_recipe
from algo.images.runtime import ensure_runtime
from algo.languages.errors import BenchMissing
from algo.languages.interface import Finished, Job, Mount
from algo.languages.spec import filled
from algo.languages.steps import digest_of, plain, values_of
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.interface import ImageEngine
    from algo.images.recipe import RuntimeRecipe
    from algo.images.runtime import RuntimeImage
    from algo.languages.interface import Work
    from algo.languages.runtimes import Runtimes
    from algo.project.lock import Target
    from algo.project.project import Project

FOLDER = "workshop"
_PLACE = "/build"
_SCRIPT = "build.py"
_HOME = f"/{ROOT}/home"
# Where the places of a step are in its container: as in the image, so that what is written down
# of them is right there.
_PLACES = {
    "app": f"/{APP}",
    "packages": f"/{PACKAGES}",
    "program": f"/{PROGRAM}",
    "cache": f"/{ROOT}/cache",
    "report": f"/{ROOT}/report",
}


class WorkshopBench(Value, frozen=True):
    """A container of a language's workshop for each step (`languages.interface.Bench`).

    Args:
        folder: The language's folder.
        runtime: Gives the runtime image.
        cache: Has it, and room for what a step needs.
        engine: Runs the containers; None when none answers.
        env: The user's environment, of which steps with the network get what they name.
        home: The user's home, in the same way.
    """

    folder: Path
    runtime: Callable[[Notify], RuntimeImage]
    cache: Cache
    engine: ImageEngine | None
    env: Mapping[str, str]
    home: Path | None

    @property
    def key(self) -> str:
        """What results depend on: the workshop and its scripts; the runtime image is not told."""
        return digest_of(self.folder / FOLDER)

    def run(self, work: Work, *, notify: Notify) -> Finished:
        """Run one step.

        Raises:
            BenchMissing: No container engine answers.
        """
        if self.engine is None:
            raise BenchMissing(
                f"no container engine answers to run the tools of {self.folder.name} in"
            )
        image = workshop_image(self.folder, self.runtime(notify), self.cache, self.engine, notify)
        language = self.folder.name
        there = {**_PLACES, "runtime": f"/{runner_place(language)}"}
        with self.cache.scratch() as home:
            mounts = [
                Mount(path, there[name], name in work.writable)
                for name, path in work.places.items()
            ]
            mounts.append(Mount(home, _HOME, writable=True))
            environment = {"HOME": _HOME}
            if work.network:
                environment |= self._lent(work, home)
            command = filled(work.words, values_of({n: there[n] for n in work.places}, work.values))
            job = Job(tuple(command), tuple(mounts), there[work.folder], environment, work.network)
            code, said = self.engine.work(image, job)
        return Finished(code, plain(said, there["app"]))

    def _lent(self, work: Work, home: Path) -> dict[str, str]:
        """Lay the user's settings out in `home`, and return his variables, as the step names them.

        They lead to mirrors and may hold credentials: no image gets them.
        """
        for name in work.settings if self.home else ():
            assert self.home is not None
            source = self.home / name
            if source.is_file():
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, home / name)
        return {
            name: value
            for name, value in self.env.items()
            if any(fnmatchcase(name, pattern) for pattern in work.variables)
        }


def project_bench(
    project: Project,
    runtimes: Runtimes,
    cache: Cache,
    engine: ImageEngine,
    env: Mapping[str, str],
    home: Path,
) -> WorkshopBench:
    """Return where the packages of `project` are resolved: on its language's own base."""
    language = project.manifest.algorithm.language

    def runtime(notify: Notify) -> RuntimeImage:
        system = tuple(project.manifest.environment.system_packages)
        recipe = read_recipe(runtimes, language, str(host_platform()), system)
        return ensure_runtime(recipe, cache, engine, notify=notify)

    return WorkshopBench(runtimes.folder(language), runtime, cache, engine, env, home)


class ImageWorkshop(Value, frozen=True):
    """Builds wheels in containers of a project's workshop (`environments.interface.Workshop`).

    Args:
        cache: Has the runtime image, or gets it.
        runtimes: The languages.
        engine: Finds the container engine; None when none answers.
        host: The platform of this machine's containers.
    """

    cache: Cache
    runtimes: Runtimes
    engine: Callable[[], ImageEngine | None]
    host: str

    def serves(self, project: Project, target: Target) -> bool:
        """Tell whether something can be built for `target` here and now, by the image's Python."""
        spec = self.runtimes.spec(project.manifest.algorithm.language)
        here = (target.platform, target.python) == (self.host, spec.environment)
        return here and self.engine() is not None

    def key(self, project: Project, target: Target) -> str:
        """Return what the place depends on."""
        recipe, folder = self._recipe(project, target)
        return hashlib.sha256(_dockerfile(folder) + recipe.key.encode()).hexdigest()

    def build(self, project: Project, target: Target, folder: Path, *, notify: Notify) -> str:
        """Run the language's script on `folder`, without network.

        Returns:
            What the build said when it failed, else nothing.

        Raises:
            RuntimeUnavailable: No engine answers.
            ImageBuildFailed: The engine could not make the image to build in.
        """
        engine = self.engine()
        if engine is None:
            raise RuntimeUnavailable("no container engine answers to build packages in")
        recipe, language = self._recipe(project, target)
        (folder / _SCRIPT).write_bytes((language / FOLDER / _SCRIPT).read_bytes())
        runtime = ensure_runtime(recipe, self.cache, engine, notify=notify)
        image = workshop_image(language, runtime, self.cache, engine, notify)
        command = ["python3", "-P", f"{_PLACE}/{_SCRIPT}", _PLACE]
        return engine.run(image, command, folder, _PLACE)

    def _recipe(self, project: Project, target: Target) -> tuple[RuntimeRecipe, Path]:
        language = project.manifest.algorithm.language
        system = tuple(project.manifest.environment.system_packages)
        recipe = read_recipe(self.runtimes, language, target.platform, system)
        return recipe, self.runtimes.folder(language)


def workshop_image(
    folder: Path, runtime: RuntimeImage, cache: Cache, engine: ImageEngine, notify: Notify
) -> str:
    """Return the workshop of the language in `folder`, built when the engine has it not.

    A language that needs no more than what runs it has none: that is the runtime image itself.
    """
    dockerfile = _dockerfile(folder)
    if not dockerfile:
        return ensure_loaded(runtime.image, engine, notify=notify)
    language = runtime.recipe.spec.language
    key = hashlib.sha256(dockerfile + str(runtime.digest).encode()).hexdigest()[:12]
    tag = f"{REPOSITORY}/workshop/{language}:{key}"
    with cache.locked("workshop"):
        if not engine.has(tag):
            base = ensure_loaded(runtime.image, engine, notify=notify)
            notify(Step(f"Building the workshop image for {language}"))
            platform = runtime.recipe.platform
            engine.build(dockerfile, base, tag, {}, platform, lambda line: None)
    return tag


def _dockerfile(folder: Path) -> bytes:
    path = folder / FOLDER / "Dockerfile"
    return path.read_bytes() if path.is_file() else b""
