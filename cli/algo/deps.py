"""The only builder of adapters; each is imported when it is first asked for."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from algo.resources import Folders, user_folders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from algo.engines.docker import DockerEngine
    from algo.engines.docker_builds import BuildLeftovers
    from algo.engines.gpu_facts import GpuFacts
    from algo.engines.interface import Engine
    from algo.engines.sessions import Sessions
    from algo.engines.virtualenv import VirtualenvEngine
    from algo.environments.interface import PackageLocking, PackageManager, Workshop
    from algo.environments.locking import Locking
    from algo.environments.tools import Tools
    from algo.images.build import Builder
    from algo.images.cache import Cache
    from algo.images.deliver import Destination
    from algo.images.interface import ImageEngine
    from algo.images.tooling import Tooling
    from algo.languages.interface import Bench
    from algo.languages.runtimes import Runtimes
    from algo.languages.versions import Programs
    from algo.models.ensure import Models
    from algo.models.interface import Origin
    from algo.output import Output
    from algo.project.models import Origin as ModelOrigin
    from algo.project.project import Project
    from algo.publish.consume import Consuming
    from algo.publish.interface import Tests
    from algo.publish.prepare import Publishing
    from algo.publish.published import PublishedVersions
    from algo.registry.interface import Registry
    from algo.registry.layout import LayoutStore
    from algo.serving.keys import Keys
    from algo.storage.interface import Kind
    from algo.trust.keyring import Keyring
    from algo.trust.pins import Pins
    from algo.trust.policy import Policy
    from algo.watch.interface import Watcher


# The last second that RFC 3339 has a form for.
_LATEST = 253_402_300_800


@dataclass(slots=True)
class Deps:
    """What a command may reach: folder, environment, user folders, output and adapters.

    `languages` are folders that hold languages besides ours.
    """

    cwd: Path
    env: Mapping[str, str]
    folders: Folders
    output: Output
    interactive: bool = False
    stdin: int = field(default=0)
    languages: tuple[Path, ...] = ()

    @classmethod
    def for_process(cls, output: Output) -> Deps:
        """Build the dependencies of this process."""
        return cls(
            cwd=Path.cwd(),
            env=os.environ,
            folders=user_folders(os.environ.get("ALGO_HOME")),
            output=output,
            interactive=sys.stdin is not None and sys.stdin.isatty() and output.terminal,
        )

    def read_stdin(self) -> bytes:
        """Return all of standard input."""
        return sys.stdin.buffer.read()

    def sessions(self) -> Sessions:
        """Return the records of what runs now."""
        from algo.engines.sessions import Sessions

        return Sessions(self.folders.state / "sessions")

    def engine(self, wanted: str = "") -> Engine:
        """Return the engine called `wanted`, else docker when it answers, else virtualenv.

        Raises:
            UnknownEngine: There is none of this name.
            EngineUnavailable: `docker` was asked for by name and does not answer.
        """
        from algo.engines.choose import choose

        return choose(wanted, self.docker, self.virtualenv, self.output.event)

    def docker(self) -> DockerEngine:
        """Return the engine that runs containers."""
        from algo.engines.docker import DockerEngine

        return DockerEngine(self.sessions(), self.env, Path.home(), self.gpu_facts)

    def virtualenv(self) -> VirtualenvEngine:
        """Return the engine that runs processes of this machine."""
        from algo.engines.virtualenv import VirtualenvEngine

        gateway = self.runtimes().gateway
        return VirtualenvEngine(self.sessions(), gateway, self.env, self.gpu_facts)

    def use_languages(self, named: str = "") -> None:
        """Take further languages from the folders in `named`, parted as in PATH.

        Those of `ALGO_RUNTIMES` where none are named.

        Raises:
            UsageError: One is not there, or holds no language.
        """
        words = (named or self.env.get("ALGO_RUNTIMES", "")).split(os.pathsep)
        self.languages = tuple((self.cwd / path).resolve() for path in words if path)
        if self.languages:
            from algo.languages.runtimes import check_named

            check_named(self.languages, "--runtimes" if named else "ALGO_RUNTIMES")

    def runtimes(self) -> Runtimes:
        """Return the languages: those of the folders that were named, and ours."""
        from algo.languages.runtimes import Runtimes
        from algo.resources import data_folder

        return Runtimes(data_folder("runtimes"), self.languages)

    def tools(self, language: str) -> Tools:
        """Return the package manager of `language`, whose steps its folder names."""
        from algo.environments.tools import Tools
        from algo.images.cache import Cache

        runtimes = self.runtimes()
        kept = self.folders.cache / "steps" / language
        scratch = Cache.of(self.folders).scratch
        return Tools(runtimes.spec(language), runtimes.folder(language), scratch, kept)

    def host_tooling(self, language: str) -> Tooling:
        """Return what makes packages and programs of `language` on this machine."""
        from algo.images.tooling import Tooling
        from algo.languages.host import HostBench

        runtimes, tools = self.runtimes(), self.tools(language)
        spec, cache = runtimes.spec(language), self.image_cache()
        bench = HostBench(spec, self.programs())
        return Tooling(spec, runtimes.folder(language), bench, tools, cache)

    def bench(self, project: Project, *, host: bool = False) -> Bench:
        """Return where packages of `project` are resolved: in a container, else on this machine.

        A machine without an engine has its own tools, or says which one is missing. With `host` it
        is the other way round: for what runs outside a container no image need be made.
        """
        from algo.languages.host import HostBench, HostFirst

        spec = self.runtimes().spec(project.manifest.algorithm.language)
        here = HostBench(spec, self.programs())
        if host:
            return HostFirst(here, lambda: self._container(project))
        return self._container(project) or here

    def _container(self, project: Project) -> Bench | None:
        engine = self.image_engine()
        if engine is None:
            return None
        from algo.images.workshop import project_bench

        cache = self.image_cache()
        return project_bench(project, self.runtimes(), cache, engine, self.env, Path.home())

    def programs(self) -> Programs:
        """Return what is on PATH."""
        from algo.languages.versions import Programs

        return Programs(self.env, self.image_cache())

    def gpu_facts(self) -> GpuFacts:
        """Return what this machine has of GPUs."""
        from algo.engines.gpu_facts import read_facts

        return read_facts()

    def packages(self) -> PackageManager:
        """Return what resolves and installs Python packages."""
        from algo.environments.packages import Packages

        return Packages(self.env, self.folders, self.workshop(), self.output.event)

    def workshop(self) -> Workshop:
        """Return where packages are built that come as source."""
        from algo.images.cache import Cache
        from algo.images.recipe import host_platform
        from algo.images.workshop import ImageWorkshop

        host, cache = str(host_platform()), Cache.of(self.folders)
        return ImageWorkshop(cache, self.runtimes(), self.image_engine, host)

    def locking(self, project: Project, *, host: bool = False) -> PackageLocking:
        """Return what a lock of `project` is made with: by us, or by its language's own tool.

        With `host` that tool is best the one of this machine, as `bench` says.
        """
        language = project.manifest.algorithm.language
        if self.runtimes().spec(language).built_in:
            return self.python_locking(project)
        from algo.environments.interpreters import this_interpreter
        from algo.environments.tools import ToolLocking

        here = this_interpreter().platform
        return ToolLocking(self.tools(language), lambda: self.bench(project, host=host), here)

    def python_locking(self, project: Project) -> Locking:
        """Return what packages of Python are locked with: this machine, the image."""
        from algo.environments.accelerator import wanted
        from algo.environments.conda.names import platforms_of
        from algo.environments.errors import PythonNotFound
        from algo.environments.interpreters import (
            Interpreter,
            find_interpreter,
            this_interpreter,
        )
        from algo.environments.locking import Locking
        from algo.environments.requirements import requirements_of

        manifest = project.manifest
        host: Interpreter | PythonNotFound
        try:
            host = find_interpreter(manifest.environment.python, self.env)
        except PythonNotFound as error:
            host = error
        spec = self.runtimes().spec(manifest.algorithm.language)
        requirements = requirements_of(project)
        brings = requirements.brings_python
        if brings:  # the environment's own Python counts; what makes it is any
            host = this_interpreter()
        return Locking(
            self.packages(),
            host,
            spec.version,
            wanted(manifest.environment, self._driver),
            brings,
            platforms_of(requirements) if brings else (),
        )

    def _driver(self) -> str:
        from algo.engines.cuda import newest_cuda
        from algo.engines.gpu_facts import WSL

        driver = self.gpu_facts().driver
        return "" if driver == WSL else f"{driver} {newest_cuda(driver)}".strip()

    def image_engine(self) -> ImageEngine | None:
        """Return the container engine as a place for images, None when none answers."""
        from algo.engines.docker_client import find, ping
        from algo.engines.docker_images import DockerImages
        from algo.engines.mine import Mine

        address = find(self.env, Path.home())
        if ping(address) is None:
            return None
        return DockerImages(address, self.env, Mine(self.folders.state / "images", address).use)

    def build_leftovers(self) -> BuildLeftovers:
        """Return what killed builds left in the container engine."""
        from algo.engines.docker_builds import BuildLeftovers
        from algo.engines.docker_client import find

        return BuildLeftovers(find(self.env, Path.home()))

    def engine_rooms(self, *, everyone: bool = False) -> list[Kind]:
        """Return what algo keeps in the container engine.

        Images that others loaded stay, unless they are `everyone`'s.
        """
        from algo.engines.docker_client import find
        from algo.engines.kept import OURS, EngineImages, JobVolumes
        from algo.engines.mine import Mine

        address = find(self.env, Path.home())
        mine = None if everyone else Mine(self.folders.state / "images", address)
        return [EngineImages(address, OURS, mine), JobVolumes(address)]

    def job_volumes(self) -> list[str]:
        """Return the volumes of the container engine that hold jobs."""
        from algo.engines.docker_client import find
        from algo.engines.kept import volumes

        return volumes(find(self.env, Path.home()))

    def builder(self) -> Builder:
        """Return what assembles images; it needs no engine once the runtime image is cached."""
        from algo.contract.cases import first_input
        from algo.environments.interpreters import find_minor
        from algo.images.build import Builder
        from algo.images.cache import Cache
        from algo.images.recipe import host_platform
        from algo.publish.runtimes import PublishedRuntimes

        return Builder(
            cache=Cache.of(self.folders),
            runtimes=self.runtimes(),
            installer=self.packages(),
            engine=self.image_engine(),
            find_python=lambda minor: find_minor(minor, self.env),
            host=host_platform(),
            created=self._epoch() or 0,
            sample=first_input,
            published=PublishedRuntimes(self.registry, Cache.of(self.folders)),
            tools=self.tools,
            env=self.env,
            home=Path.home(),
        )

    def image_cache(self) -> Cache:
        """Return what keeps layers, and notes on files that were read for them."""
        from algo.images.cache import Cache

        return Cache.of(self.folders)

    def models(self) -> Models:
        """Return what models are fetched with; no client is imported before one is needed."""
        from algo.models.cache import ModelCache
        from algo.models.ensure import Models

        def origin(kind: ModelOrigin) -> Origin:
            from algo.models.origins import open_origin

            return open_origin(kind, self.registry, self.env)

        return Models(ModelCache(self.folders.cache / "models"), origin)

    def store(self) -> LayoutStore:
        """Return the embedded store."""
        from algo.registry.layout import LayoutStore

        return LayoutStore(self.folders.store, linkable=self.folders.cache)

    def registry(self, host: str) -> Registry:
        """Return the registry at `host`, the embedded store for an empty one.

        Raises:
            BadCredentials: Docker's config.json is broken.
            BadMirrors: The setting of mirrors is.
        """
        from algo.registry.opening import open_registry

        return open_registry(host, self.folders, self.env, notify=self.output.event)

    def keyring(self) -> Keyring:
        """Return the user's signing keys and the ones that are trusted."""
        from algo.trust.keyring import Keyring

        return Keyring(self.folders.data / "keys", self.env)

    def pins(self) -> Pins:
        """Return what versions were when this machine saw them first."""
        from algo.trust.pins import Pins

        return Pins(self.folders.data / "pins")

    def now(self) -> datetime:
        """Return the time in UTC, or the one that `SOURCE_DATE_EPOCH` fixes."""
        from datetime import UTC, datetime

        fixed = self._epoch()
        return datetime.now(UTC) if fixed is None else datetime.fromtimestamp(fixed, UTC)

    def _epoch(self) -> int | None:
        """Return what `SOURCE_DATE_EPOCH` says, None without it."""
        text = self.env.get("SOURCE_DATE_EPOCH", "")
        if text and not (text.isdecimal() and int(text) < _LATEST):
            from algo.errors import UsageError

            raise UsageError(
                f"SOURCE_DATE_EPOCH is {text!r}, which is no number of seconds since 1970",
                hint='export SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"',
            )
        return int(text) if text else None

    def publishing(self, tests: Tests) -> Publishing:
        """Return what a project is published with."""
        from algo.publish.ci import run_of
        from algo.publish.git import GitSources
        from algo.publish.mounts import Mounts
        from algo.publish.prepare import Publishing
        from algo.trust.rules import FILE, read_rules

        return Publishing(
            open=self.registry,
            images=self.builder(),
            locks=self,
            models=self.models(),
            tests=tests,
            sources=GitSources(self.env),
            run=run_of(self.env),
            keyring=self.keyring(),
            pins=self.pins(),
            mounts=Mounts(self.folders.cache / "mounts"),
            now=self.now(),
            rules=read_rules(self.folders.config / FILE),
        )

    def consuming(self, *, skip: bool = False, policy: Policy | None = None) -> Consuming:
        """Return what published versions are verified and fetched with."""
        from algo.publish.consume import Consuming
        from algo.trust.rules import FILE, read_rules

        def ask(question: str) -> bool:
            return self.output.ask(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

        return Consuming(
            open=self.registry,
            keyring=self.keyring(),
            pins=self.pins(),
            ask=ask if self.interactive and not self.output.json else None,
            skip=skip,
            log=self.folders.state / "unverified.log",
            now=self.now(),
            policy=policy,
            rules=read_rules(self.folders.config / FILE),
        )

    def published(self, *, skip: bool = False) -> PublishedVersions:
        """Return what makes published versions ready to run; `skip` leaves verification out."""
        from algo.images.recipe import host_platform
        from algo.publish.published import PublishedVersions

        return PublishedVersions(
            tools=self.consuming(skip=skip),
            layout=self.store().folder,
            engine=self.image_engine,
            packages=self.packages(),
            runtimes=self.runtimes(),
            folders=self.folders,
            platform=host_platform(),
            env=self.env,
        )

    def destination(
        self, project: Project | None, output: Path | None, into: str | None
    ) -> Destination:
        """Return where `algo build` puts its image: a file, docker when it answers, the store.

        Raises:
            EngineUnavailable: `docker` was asked for by name and does not answer.
            OutputInvalid: The file cannot be written there, or would be in the next image.
            UsageError: Two places are named.
        """
        from algo.errors import UsageError
        from algo.images.code import outside_code
        from algo.images.deliver import IntoEngine, IntoFile, IntoStore
        from algo.resources import output_file

        if output is not None and into is not None:
            raise UsageError("--into and -o name two places", hint="algo build --help")
        if output is not None:
            file = output_file(self.cwd, output)
            return IntoFile(outside_code(project, file) if project is not None else file)
        engine = None if into == "store" else self.image_engine()
        if engine is not None:
            from algo.images.cache import Cache
            from algo.images.load import Recent

            return IntoEngine(engine, Recent(Cache.of(self.folders)))
        if into == "docker":
            from algo.engines.errors import EngineUnavailable

            raise EngineUnavailable("no container engine answers", hint="algo build --into store")
        return IntoStore(self.store())

    def keys(self) -> Keys | None:
        """Return the keys of the terminal, None when people cannot press any."""
        if not self.interactive or self.output.json:
            return None
        from algo.serving.keys import Keys

        return Keys(self.stdin)

    def watcher(self, root: Path) -> Watcher:
        """Return a watcher of the project at `root`."""
        from algo.watch.watcher import FolderWatcher

        return FolderWatcher(root)
