"""Assemble the image of a project from its lock, layer by layer, without a daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.events import Step, Warned, counted
from algo.images.apt import with_line
from algo.images.bytecode import Compiler, Earlier
from algo.images.code import code_entries
from algo.images.compiled import CompiledPackages
from algo.images.config import DESCRIPTION, GATEWAY, PACKAGES, assemble, runner_place
from algo.images.errors import BadPlatform, CannotRebase, SystemPackageUnknown
from algo.images.image import LayerKind
from algo.images.layer import ensure_layer, find_layer, make_layer
from algo.images.models import Part, model_layers, model_parts
from algo.images.recipe import read_recipe
from algo.images.runtime import ensure_runtime, find_runtime
from algo.images.tooling import Tooling
from algo.images.tree import Entry, collect, fingerprint
from algo.images.workshop import WorkshopBench
from algo.oci.descriptor import Platform
from algo.project.description import describe
from algo.project.lock import CONDA, Target, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.image import BuiltImage, Layer
    from algo.images.interface import (
        ImageEngine,
        PackageInstaller,
        PublishedRuntimes,
        ToolInstaller,
    )
    from algo.images.prelude import Prelude
    from algo.images.recipe import RuntimeRecipe
    from algo.images.runtime import RuntimeImage
    from algo.languages.runtimes import Runtimes
    from algo.languages.spec import RuntimeSpec
    from algo.project.lock import Lock, Pin
    from algo.project.project import Project

PLATFORMS = (Platform("linux", "amd64"), Platform("linux", "arm64"))
_NOT_RUNNER = frozenset({"Dockerfile"})
# Folders of a runtime that are for its tests, for its steps, and for new projects.
_BESIDE = frozenset({"tests", "workshop", "scaffolds"})


@dataclass(frozen=True, slots=True)
class Builder:
    """What images are built with.

    Args:
        cache: Takes layers and remembers what made them.
        runtimes: The gateway and the languages.
        installer: Installs locked packages.
        engine: Builds the runtime image and compiles packages; None when none answers.
        find_python: Finds a Python of a minor version on this machine.
        host: The platform of this machine's containers.
        created: Seconds since 1970 that images say they are from (`SOURCE_DATE_EPOCH`).
        sample: Finds an input that the project in a folder takes, None without one.
        published: Finds the runtime image of a digest where the project is published.
        tools: Gives the package manager of a language whose steps its folder names.
        env: The user's environment, for those steps.
        home: The user's home, in the same way.
    """

    cache: Cache
    runtimes: Runtimes
    installer: PackageInstaller
    engine: ImageEngine | None
    find_python: Callable[[str], Path | None]
    host: Platform
    created: int = 0
    sample: Callable[[Path], object] = lambda root: None
    published: PublishedRuntimes | None = None
    tools: Callable[[str], ToolInstaller] | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: Path | None = None

    def build(
        self, project: Project, lock: Lock, *, platform: Platform | None = None, notify: Notify
    ) -> BuiltImage:
        """Return the image of `project` with every blob in the cache.

        The same inputs give the same digest on every machine. A layer whose inputs did not
        change is not made again.

        Args:
            project: The project.
            lock: Its lock, which must cover the platform.
            platform: What the image runs on; this machine's when it is not given.
            notify: Gets a step per layer that must be made.

        The lock gets the runtime image's digest when it has none for the platform.

        Raises:
            BadPlatform: Images are not made for the platform.
            RuntimeUnavailable: The runtime image is not cached and no engine answers.
            EntrypointMissing: The project's entry file is not there.
            ModelMissing: A model is not there.
            LinkOutside: A link leads out of the project.
        """
        where = self._where(platform)
        project.check_files(
            self.runtimes.suffixes(project.manifest.algorithm.language, project.entry_file.name)
        )
        runtime = self._runtime(project, lock, where, notify)
        compiler = self._compiler(project, lock, runtime, notify)
        image = self._assemble(project, lock, runtime, compiler, notify)
        _settle_runtime(project, runtime, lock, notify)
        return image

    def rebase(
        self, project: Project, lock: Lock, *, platform: Platform | None = None, notify: Notify
    ) -> BuiltImage:
        """Return the image of `project` on the runtime image that can be made today.

        Gateway and packages are the layers that were made with the locked runtime image; nothing
        is installed or compiled. The lock gets the new runtime image's digest.

        Raises:
            CannotRebase: It was not built here with what is locked.
            AlgoError: As `build`.
        """
        where = self._where(platform)
        project.check_files()
        compiled = lock.runtimes.get(str(self.host), "")
        if not compiled or str(where) not in lock.runtimes:
            raise CannotRebase(f"{project.name} was not built for {where} yet")
        known = self._runtime(project, lock, where, notify)
        earlier = Earlier(known, self.engine, self.find_python, digest=compiled)
        # What is missing shows before a minute is spent on the runtime image.
        self._assemble(project, lock, known, earlier, notify)
        runtime = self._runtime(project, lock, where, notify, fresh=True)
        image = self._assemble(project, lock, runtime, earlier, notify)
        write(_with_bases(lock, runtime), project.lock_path)
        return image

    def rebase_image(self, image: BuiltImage, *, notify: Notify) -> BuiltImage:
        """Return an image that `algo` made, wherever, on the runtime image of today.

        Raises:
            CannotRebase: It stands on a base of its own, or is for another version of its language.
            RuntimeUnavailable: The runtime image cannot be made.
        """
        from algo.images.rebase import rebase, recipe_of

        recipe = recipe_of(image, self.runtimes, self.host)
        runtime = ensure_runtime(recipe, self.cache, self.engine, fresh=True, notify=notify)
        return rebase(image, runtime, self.cache)

    def _where(self, platform: Platform | None) -> Platform:
        where = platform or self.host
        if where not in PLATFORMS:
            raise BadPlatform(f"images are not made for {where}")
        return where

    def _assemble(
        self,
        project: Project,
        lock: Lock,
        runtime: RuntimeImage,
        compiler: Compiler,
        notify: Notify,
    ) -> BuiltImage:
        manifest, where, spec = project.manifest, runtime.image.platform, runtime.recipe.spec
        program: Sequence[Layer] = ()
        if spec.built_in:
            wanted = lock.target(str(where), spec.environment)
            lending = self._lending(compiler, project, lock, where)
            packages = self._packages(project, lending, wanted, lock, notify)
        else:
            packages, *program = self._made(project, lock, compiler, where, notify)
        layers = [
            *runtime.layers,
            self._gateway(compiler, Target(str(where), spec.gateway), notify),
            self._runner(manifest.algorithm.language),
            packages,
            *model_layers(project, lock, self.cache, notify=notify),
            *program,
            self._code(project, spec),
        ]
        image = assemble(manifest, where, layers, runtime.below, self.cache, created=self.created)
        return replace(image, runtime=runtime.digest)

    def made_of(self, project: Project, lock: Lock, *, notify: Notify) -> tuple[Layer, ...]:
        """Return the layers of packages and program that the image of this machine has.

        It is of a language whose steps its folder names.

        Raises:
            AlgoError: As `build`.
        """
        runtime = self._runtime(project, lock, self.host, notify)
        compiler = self._compiler(project, lock, runtime, notify)
        return self._made(project, lock, compiler, self.host, notify)

    def _made(
        self, project: Project, lock: Lock, compiler: Compiler, where: Platform, notify: Notify
    ) -> tuple[Layer, ...]:
        tooling = self.tooling(compiler.runtime)
        target = lock.target(str(where), tooling.spec.environment)
        packages = tooling.packages(project, lock, target, compiler, notify)
        program = tooling.program(project, lock, target, packages, compiler, notify)
        return (packages, *program)

    def workplace(
        self, project: Project, lock: Lock, *, notify: Notify
    ) -> tuple[Tooling, Path | None]:
        """Return what the tests of `project` run with in a container, and its packages' folder.

        Raises:
            AlgoError: As `build`.
        """
        runtime = self._runtime(project, lock, self.host, notify)
        compiler = self._compiler(project, lock, runtime, notify)
        tooling = self.tooling(runtime)
        target = lock.target(str(self.host), tooling.spec.environment)
        packages = tooling.packages(project, lock, target, compiler, notify)
        return tooling, tooling.packages_for_steps(project, lock, target, packages, notify)

    def tooling(self, runtime: RuntimeImage) -> Tooling:
        """Return what the packages and the program of an image on `runtime` are made with.

        `runtime` is for this machine, whatever the image is for.
        """
        assert self.tools is not None
        spec = runtime.recipe.spec
        folder = self.runtimes.folder(spec.language)
        bench = WorkshopBench(
            folder, lambda notify: runtime, self.cache, self.engine, self.env, self.home
        )
        return Tooling(spec, folder, bench, self.tools(spec.language), self.cache)

    def runtimes_for(
        self, project: Project, lock: Lock, platform: Platform, *, notify: Notify
    ) -> tuple[RuntimeImage, ...]:
        """Return the runtime images that a build for `platform` takes: its own, and what compiles.

        Raises:
            RuntimeUnavailable: One is not cached and cannot be made.
        """
        wanted = dict.fromkeys((platform, self.host))
        return tuple(self._runtime(project, lock, one, notify) for one in wanted)

    def _runtime(
        self,
        project: Project,
        lock: Lock,
        where: Platform,
        notify: Notify,
        *,
        fresh: bool = False,
    ) -> RuntimeImage:
        environment, here = project.manifest.environment, str(self.host)
        prelude = _prelude(project)

        def recipe(host: str) -> RuntimeRecipe:
            found = read_recipe(
                self.runtimes,
                project.manifest.algorithm.language,
                str(where),
                tuple(environment.system_packages),
                host=host,
                base=environment.base,
                prelude=prelude,
            )
            if not found.chosen:
                return found
            from algo.images.bases import pins_of

            pins = pins_of(found, lock.bases, self.engine)
            return replace(found, pins=tuple(sorted(pins.items())))

        wanted, locked = recipe(here), lock.runtimes.get(str(where), "")
        if locked and self.published and not fresh and find_runtime(wanted, self.cache) is None:
            found = self.published.find(project, wanted, locked, notify=notify)
            if found is not None:
                return found
        try:
            return ensure_runtime(
                wanted,
                self.cache,
                self.engine,
                native=lambda: recipe(""),
                fresh=fresh,
                notify=notify,
            )
        except SystemPackageUnknown as error:
            raise with_line(error, project.root) from error

    def _compiler(
        self, project: Project, lock: Lock, runtime: RuntimeImage, notify: Notify
    ) -> Compiler:
        """Return what compiles for `runtime`: bytecode is the same on every processor.

        An image for another one cannot be run here, so this machine's compiles.
        """
        own = runtime
        if Platform.parse(runtime.recipe.platform) != self.host:
            own = self._runtime(project, lock, self.host, notify)
        kept = CompiledPackages(self.cache)
        return Compiler(own, self.engine, self.find_python, kept=kept)

    def _lending(
        self, compiler: Compiler, project: Project, lock: Lock, where: Platform
    ) -> Compiler:
        """Return `compiler` with a Python to lend, for environments that bring one of another kind.

        It is that of the same environment for this machine.
        """
        if where == self.host:
            return compiler

        def lend(folder: Path, place: str) -> bool:
            own = Target(str(self.host), CONDA)
            if own not in lock.targets:
                return False
            self.installer.install(lock.pins(own), own, folder, project=project, place=place)
            return True

        return replace(compiler, lend=lend)

    def sbom(self, project: Project, lock: Lock, image: BuiltImage, *, version: str = "") -> bytes:
        """Return the CycloneDX document of `image`, with the hashes that were locked for it.

        Args:
            project: What the image was built of.
            lock: Its lock.
            image: The image.
            version: What it is published as, if it is.
        """
        from algo.images.sbom.generate import sbom

        spec = self.runtimes.spec(project.manifest.algorithm.language)
        pins = (*self._gateway_pins(), *self.locked(project, lock, image))
        purl = spec.tools.purl if spec.tools else ""
        return sbom(image, pins, version=version, purl=purl, cache=self.cache)

    def locked(self, project: Project, lock: Lock, image: BuiltImage) -> Sequence[Pin]:
        """Return the packages that `lock` has for the platform of `image`."""
        spec = self.runtimes.spec(project.manifest.algorithm.language)
        return lock.pins(lock.target(str(image.platform), spec.environment))

    def _gateway_pins(self) -> Sequence[Pin]:
        return self.installer.read(self.runtimes.gateway / "requirements.txt")

    def model_parts(self, project: Project, lock: Lock, name: str) -> tuple[Part, ...]:
        """Return the files of the model `name`, sorted by path."""
        return model_parts(project, lock, name, self.cache)

    def _gateway(self, compiler: Compiler, target: Target, notify: Notify) -> Layer:
        pins = self._gateway_pins()
        code = collect(self.runtimes.gateway / "algo_gateway", f"{GATEWAY}/algo_gateway")
        return self._python_layer(LayerKind.GATEWAY, compiler, target, pins, GATEWAY, code, notify)

    def _packages(
        self,
        project: Project,
        compiler: Compiler,
        target: Target,
        lock: Lock,
        notify: Notify,
    ) -> Layer:
        kind, pins = LayerKind.PACKAGES, lock.pins(target)
        return self._python_layer(kind, compiler, target, pins, PACKAGES, (), notify, project)

    def _python_layer(
        self,
        kind: LayerKind,
        compiler: Compiler,
        target: Target,
        pins: Sequence[Pin],
        place: str,
        extra: Sequence[Entry],
        notify: Notify,
        project: Project | None = None,
    ) -> Layer:
        """Return the layer of `pins`, installed and compiled, with the files of `extra`."""
        listed = "\n".join(pin.identity for pin in pins)
        inputs = f"{target}\n{place}\n{fingerprint(extra)}\n{listed}\n"
        found = find_layer(self.cache, kind, str(kind), inputs + compiler.best, compress=True)
        if found is not None:
            return found
        found = find_layer(
            self.cache, kind, str(kind), inputs + compiler.within_reach(), compress=True
        )
        if found is not None:
            return found
        compiler.check(kind)
        notify(
            Step(f"Making the {kind} layer for {target.platform}: {counted(len(pins), 'package')}")
        )
        with self.cache.scratch() as folder:
            self.installer.install(pins, target, folder, project=project, place=f"/{place}")
            _write(extra, folder, place)
            done = compiler.compile(folder, f"/{place}", notify=notify)
            inputs += done.depends_on
            entries = [*collect(folder, place, compiled=True), *done.entries]
            return make_layer(self.cache, kind, str(kind), inputs, entries, compress=True)

    def _runner(self, language: str) -> Layer:
        entries = [
            entry
            for entry in collect(self.runtimes.folder(language), runner_place(language))
            if _is_runner(entry.path.removeprefix(f"{runner_place(language)}/"))
        ]
        return ensure_layer(
            self.cache,
            LayerKind.RUNNER,
            "runner",
            fingerprint(entries),
            lambda: entries,
            compress=True,
        )

    def _code(self, project: Project, spec: RuntimeSpec) -> Layer:
        description = describe(project.manifest, self.sample(project.root), project.declared)
        entries = [*code_entries(project, spec.left_out), Entry(DESCRIPTION, description)]
        return ensure_layer(
            self.cache,
            LayerKind.CODE,
            "code",
            fingerprint(entries),
            lambda: entries,
            compress=False,
        )


def _prelude(project: Project) -> Prelude | None:
    path = project.manifest.environment.dockerfile
    if not path:
        return None
    from algo.images.prelude import read_prelude

    return read_prelude(project.root, path)


def _settle_runtime(project: Project, runtime: RuntimeImage, lock: Lock, notify: Notify) -> None:
    """Write the runtime image's digest into the lock when it has none, else compare."""
    platform, digest = runtime.recipe.platform, str(runtime.digest)
    locked, now = lock.runtimes.get(platform), _with_bases(lock, runtime)
    # With another base or other packages than before its runtime image is another one, too.
    if locked is None or (now.bases, now.asked) != (lock.bases, lock.asked):
        write(now, project.lock_path)
    elif locked != digest:
        notify(
            Warned(
                f"the runtime image here is {digest[:19]}, the lock has {locked[:19]}: the "
                "distribution's packages, or what algo makes of them, changed; algo lock --upgrade "
                "takes the new one"
            )
        )


def _with_bases(lock: Lock, runtime: RuntimeImage) -> Lock:
    """Return the lock with `runtime` written down for its platform, and what that is made on."""
    platform = runtime.recipe.platform
    others = {name: one for name, one in lock.bases.items() if not name.startswith(f"{platform} ")}
    bases = others | dict(runtime.recipe.pins)
    asked = {name: one for name, one in lock.asked.items() if name != platform}
    asked |= {platform: runtime.recipe.asked} if runtime.recipe.asked else {}
    written = replace(lock, bases=bases, asked=asked)
    return written.with_runtime(platform, str(runtime.digest))


def _is_runner(path: str) -> bool:
    parts = path.split("/")
    return parts[0] not in _BESIDE and parts[-1] not in _NOT_RUNNER and not path.endswith(".md")


def _write(entries: Sequence[Entry], folder: Path, place: str) -> None:
    for entry in entries:
        path = folder / entry.path.removeprefix(f"{place}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        source = entry.source
        path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
