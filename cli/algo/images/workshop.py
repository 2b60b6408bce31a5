"""The image in which packages are built that come as source: a runtime image and compilers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import Step
from algo.images.errors import RuntimeUnavailable
from algo.images.image import REPOSITORY
from algo.images.load import ensure_loaded
from algo.images.recipe import read_recipe, read_spec
from algo.images.runtime import ensure_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.interface import ImageEngine
    from algo.images.recipe import RuntimeRecipe
    from algo.project.lock import Target
    from algo.project.project import Project

_PLACE = "/build"
_SCRIPT = "build.py"


@dataclass(frozen=True, slots=True)
class ImageWorkshop:
    """Builds in containers of a project's runtime image (`environments.interface.Workshop`).

    Args:
        cache: Has the runtime image, or gets it.
        runtimes: The folder of each language's runtime.
        engine: Finds the container engine; None when none answers.
        host: The platform of this machine's containers.
    """

    cache: Cache
    runtimes: Path
    engine: Callable[[], ImageEngine | None]
    host: str

    def serves(self, project: Project, target: Target) -> bool:
        """Tell whether something can be built for `target` here and now, by the image's Python."""
        spec = read_spec(self.runtimes, project.manifest.algorithm.language)
        here = (target.platform, target.python) == (self.host, spec.version)
        return here and self.engine() is not None

    def key(self, project: Project, target: Target) -> str:
        """Return what the place depends on."""
        recipe, dockerfile = self._recipe(project, target)
        return hashlib.sha256(dockerfile + recipe.key.encode()).hexdigest()

    def build(self, project: Project, target: Target, folder: Path, *, notify: Notify) -> str:
        """Run the language's script on `folder`, without network.

        Returns:
            What the build said when it failed, else nothing.

        Raises:
            RuntimeUnavailable: No engine answers.
            ImageBuildFailed: The engine could not make the image to build in.
        """
        language = project.manifest.algorithm.language
        engine = self.engine()
        if engine is None:
            raise RuntimeUnavailable("no container engine answers to build packages in")
        script = self.runtimes / language / "wheels" / _SCRIPT
        (folder / _SCRIPT).write_bytes(script.read_bytes())
        image = self._image(project, target, engine, notify)
        command = ["python3", "-P", f"{_PLACE}/{_SCRIPT}", _PLACE]
        return engine.run(image, command, folder, _PLACE)

    def _recipe(self, project: Project, target: Target) -> tuple[RuntimeRecipe, bytes]:
        language = project.manifest.algorithm.language
        system = tuple(project.manifest.environment.system_packages)
        recipe = read_recipe(self.runtimes, language, target.platform, system)
        return recipe, (self.runtimes / language / "wheels" / "Dockerfile").read_bytes()

    def _image(self, project: Project, target: Target, engine: ImageEngine, notify: Notify) -> str:
        """Return the image of compilers, built when the engine has it not."""
        recipe, dockerfile = self._recipe(project, target)
        runtime = ensure_runtime(recipe, self.cache, engine, notify=notify)
        language = recipe.spec.language
        key = hashlib.sha256(dockerfile + str(runtime.digest).encode()).hexdigest()[:12]
        tag = f"{REPOSITORY}/workshop/{language}:{key}"
        with self.cache.locked("workshop"):
            if not engine.has(tag):
                base = ensure_loaded(runtime.image, engine, notify=notify)
                notify(Step("Building the image with compilers"))
                engine.build(dockerfile, base, tag, {}, recipe.platform, lambda line: None)
        return tag
