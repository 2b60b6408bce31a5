"""What the packages, the program and the tests of a project are handled with, by its language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.contract.interface import Suite
    from algo.deps import Deps
    from algo.engines.interface import HostEnvironment, Shared
    from algo.environments.virtualenv import HostEnvironment as Virtualenv
    from algo.events import Notify
    from algo.languages.spec import RuntimeSpec
    from algo.project.lock import Lock
    from algo.project.project import Project


class Live(Value, frozen=True):
    """Where a running container finds what was made for it since it started; empty for its own."""

    packages: str = ""
    program: str = ""


class Toolbox(Protocol):
    """What differs between languages whose packages we know and those that name their steps."""

    def states_packages(self, path: str) -> bool:
        """Tell whether the file at `path`, relative to the project, says what is to be made."""

    def is_code(self, path: str) -> bool:
        """Tell whether the file at `path` is of the image's code."""

    def said(self, project: Project) -> str:
        """Return a text that is another one when something is to be made anew."""

    def host(self, project: Project, lock: Lock, notify: Notify) -> HostEnvironment:
        """Return what runs `project` on this machine, made when it is not there.

        Raises:
            AlgoError: It cannot be made.
        """

    def live(
        self, project: Project, lock: Lock, shared: Shared, fresh: bool, notify: Notify
    ) -> Live:
        """Make what a running container needs of `project` now where the container sees it.

        Args:
            project: The project.
            lock: Its lock.
            shared: What the container sees.
            fresh: Whether its packages are others than those of its image.
            notify: Gets steps.

        Raises:
            AlgoError: It cannot be made.
        """

    def suite(self, project: Project, *, image: bool, notify: Notify) -> Suite | None:
        """Return the project's own tests, None when it has none.

        Raises:
            AlgoError: What they need cannot be made.
        """

    def execute(self, command: Sequence[str], project: Project, notify: Notify) -> int:
        """Run `command` with the project's packages on this machine; return its exit code.

        Raises:
            AlgoError: They cannot be made, or there is no such program.
        """


def toolbox(deps: Deps, project: Project) -> Toolbox:
    """Return the toolbox of the language that `project` is written in."""
    spec = deps.runtimes().spec(project.manifest.algorithm.language)
    return PythonBox(deps) if spec.built_in else ToolBox(deps, spec)


class PythonBox(Value, frozen=True):
    """Packages of Python: a virtual environment, pip or conda, pytest."""

    deps: Deps

    def states_packages(self, path: str) -> bool:
        """By the names that pip, uv and conda know; see `Toolbox`."""
        from algo.environments.state import may_state_packages

        return may_state_packages(path)

    def is_code(self, path: str) -> bool:
        """What does not describe the project is; see `Toolbox`."""
        from algo.images.code import describes

        return not describes(path)

    def said(self, project: Project) -> str:
        """Return what the requirements say; see `Toolbox`."""
        from algo.environments.state import python_inputs

        return python_inputs(project)

    def host(self, project: Project, lock: Lock, notify: Notify) -> HostEnvironment:
        """Return the environment of the lock; see `Toolbox`."""
        from algo.engines.interface import HostEnvironment

        made = self._environment(project, lock, tests=False, notify=notify)
        folder = self.deps.runtimes().folder(project.manifest.algorithm.language)
        return HostEnvironment(folder, made.python)

    def live(
        self, project: Project, lock: Lock, shared: Shared, fresh: bool, notify: Notify
    ) -> Live:
        """Install beside what serves; see `Toolbox`."""
        from algo.environments.live import ensure_live
        from algo.images.recipe import host_platform

        if not fresh:
            return Live()
        target = self.deps.locking(project).image_target(str(host_platform()))
        folder = ensure_live(
            lock.pins(target),
            target,
            self.deps.packages(),
            shared.here,
            shared.there,
            project=project,
            notify=notify,
        )
        return Live(f"{shared.there}/{folder.name}")

    def suite(self, project: Project, *, image: bool, notify: Notify) -> Suite | None:
        """Return pytest in the environment of this machine; see `Toolbox`."""
        from algo.contract.suite import BESIDE, FOLDER, PytestSuite, has_tests

        root, algorithm = project.root, project.manifest.algorithm
        folders = (FOLDER, BESIDE) if algorithm.written_for else (FOLDER,)
        within = tuple(one for one in folders if has_tests(root, one))
        if not within:
            return None
        made = self._environment(project, None, tests=True, notify=notify)
        return PytestSuite(root, made.python, self._variables(project, made), within)

    def execute(self, command: Sequence[str], project: Project, notify: Notify) -> int:
        """Run it in the environment of the tests; see `Toolbox`."""
        from algo.environments.execute import execute

        made = self._environment(project, None, tests=True, notify=notify)
        self.deps.output.close()
        return execute(command, self._variables(project, made), project.root)

    def _variables(self, project: Project, made: Virtualenv) -> Mapping[str, str]:
        """Return those of the environment; old code finds our modules of Algorithmia."""
        variables = made.variables(project.root, self.deps.env)
        algorithm = project.manifest.algorithm
        if not algorithm.written_for:
            return variables
        brought = self.deps.runtimes().folder(algorithm.language) / "compat"
        known = variables.get("PYTHONPATH", "")
        return {**variables, "PYTHONPATH": f"{brought}:{known}".strip(":")}

    def _environment(
        self, project: Project, lock: Lock | None, *, tests: bool, notify: Notify
    ) -> Virtualenv:
        from algo.environments.locking import ensure_lock
        from algo.environments.virtualenv import ensure_environment

        locking = self.deps.python_locking(project)
        host = locking.host
        return ensure_environment(
            lock or ensure_lock(project, locking, notify=notify),
            host,
            self.deps.packages(),
            self.deps.folders,
            tests=tests,
            notify=notify,
            project=project,
        )


class ToolBox(Value, frozen=True):
    """The steps that a language's folder names."""

    deps: Deps
    spec: RuntimeSpec

    def states_packages(self, path: str) -> bool:
        """The manager's own files, and of a compiled language all code; see `Toolbox`."""
        tools = self.spec.tools
        named = tools is not None and path in (*tools.read, *tools.lock)
        return named or self.spec.build is not None

    def is_code(self, path: str) -> bool:
        """What neither describes the project nor is the manager's lock is; see `Toolbox`."""
        from algo.images.code import describes

        return not describes(path) and path not in self.spec.left_out

    def said(self, project: Project) -> str:
        """Return what decides packages and program; see `Toolbox`."""
        from algo.environments.locking import unlocked
        from algo.images.tooling import build_entries
        from algo.images.tree import fingerprint

        parts = [self.deps.tools(self.spec.language).inputs(project.root), unlocked(project)]
        if self.spec.build is not None:
            entries = build_entries(project, self.spec)
            # Locking writes those, and `unlocked` tells when somebody else did.
            ours = self.spec.left_out
            parts.append(fingerprint([one for one in entries if one.path not in ours]))
        return " ".join(parts)

    def host(self, project: Project, lock: Lock, notify: Notify) -> HostEnvironment:
        """Return packages and program that this machine's tools made; see `Toolbox`."""
        from algo.engines.interface import HostEnvironment
        from algo.languages.host import require, starter_of

        require((starter_of(self.spec),), self.spec, self.deps.programs())
        tooling = self.deps.host_tooling(self.spec.language)
        target = self.deps.locking(project).host_target
        packages = tooling.packages_here(project, lock, target, notify)
        program = tooling.program_here(project, packages, target.platform, notify)
        return HostEnvironment(tooling.folder, None, packages, program)

    def live(
        self, project: Project, lock: Lock, shared: Shared, fresh: bool, notify: Notify
    ) -> Live:
        """Make the layers that the next image has, and lay them out; see `Toolbox`."""
        from algo.images.image import LayerKind
        from algo.images.tooling import laid_out

        layers = self.deps.builder().made_of(project, lock, notify=notify)
        wanted = [layer for layer in layers if fresh or layer.kind is not LayerKind.PACKAGES]
        names = {
            str(layer.kind): f"{shared.there}/{laid_out(layer, shared.here).name}"
            for layer in wanted
        }
        return Live(names.get("packages", ""), names.get("program", ""))

    def suite(self, project: Project, *, image: bool, notify: Notify) -> Suite | None:
        """Return what `test` runs, where `image` in a container; see `Toolbox`."""
        from algo.contract.suite import has_files_like
        from algo.contract.tool_suite import ToolSuite
        from algo.environments.locking import ensure_lock
        from algo.images.recipe import host_platform

        if not self.spec.test or not has_files_like(project.root, self.spec.tests):
            return None
        lock = ensure_lock(project, self.deps.locking(project, host=not image), notify=notify)
        if image:
            tooling, packages = self.deps.builder().workplace(project, lock, notify=notify)
        else:
            tooling = self.deps.host_tooling(self.spec.language)
            target = self.deps.locking(project).host_target
            packages = tooling.packages_here(project, lock, target, notify)
        work = tooling.testing(project, packages, str(host_platform()))
        return ToolSuite(project.root, work, tooling.bench, tooling.cache.root / "tmp")

    def execute(self, command: Sequence[str], project: Project, notify: Notify) -> int:
        """Run it behind the words of `exec`; see `Toolbox`."""
        from algo.environments.execute import execute
        from algo.environments.locking import ensure_lock
        from algo.images.tooling import environment_of
        from algo.languages.host import program_of
        from algo.languages.spec import filled

        lock = ensure_lock(project, self.deps.locking(project, host=True), notify=notify)
        tooling = self.deps.host_tooling(self.spec.language)
        target = self.deps.locking(project).host_target
        packages = tooling.packages_here(project, lock, target, notify)
        values = environment_of(project, tooling.folder, packages)
        self.deps.output.close()
        words = [*filled(self.spec.exec, values), *command]
        hint = f"install {program_of(words)}; algo doctor says what a language needs"
        return execute(words, self.deps.env, project.root, hint)
