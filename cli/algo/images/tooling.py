"""The layers of a language whose steps its folder names: its packages, and what it compiles to."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from algo.errors import DiskFull
from algo.events import Step, counted
from algo.images.code import code_entries
from algo.images.config import APP, PACKAGES, PROGRAM
from algo.images.image import LayerKind
from algo.images.layer import find_layer, make_layer, members
from algo.images.tree import Entry, collect, fingerprint
from algo.languages.errors import BuildFailed, RuntimeInvalid
from algo.languages.interface import Work
from algo.languages.steps import digest_of, hint_of, out_of_room, place_in, plain
from algo.resources import writing
from algo.storage.trees import ensure_tree, prune_trees, use_folder
from algo.storage.unpacking import Unpacking
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.events import Notify
    from algo.images.bytecode import Compiler
    from algo.images.cache import Cache
    from algo.images.image import Layer
    from algo.images.interface import ToolInstaller
    from algo.languages.interface import Bench
    from algo.languages.spec import RuntimeSpec
    from algo.project.lock import Lock, Target
    from algo.project.project import Project

TREES = "environments"
_PROGRAMS = 4


class Tooling(Value, frozen=True):
    """What packages and program of an image are made with.

    Args:
        spec: The language.
        folder: Its folder.
        bench: Where its steps run.
        tools: Its package manager.
        cache: Takes layers, and what steps keep.
    """

    spec: RuntimeSpec
    folder: Path
    bench: Bench
    tools: ToolInstaller
    cache: Cache

    def packages(
        self, project: Project, lock: Lock, target: Target, compiler: Compiler, notify: Notify
    ) -> Layer:
        """Return the layer of the packages that are locked for `target`.

        Raises:
            InstallFailed: They cannot be installed.
            BenchMissing: They must be, and no container engine answers.
        """
        pins, kind = lock.pins(target), LayerKind.PACKAGES
        lines = [str(target), PACKAGES, *self.unshipped, *(pin.identity for pin in pins)]
        if pins:
            beside = (f"{name} {lock.files[name]}" for name in sorted(lock.files))
            lines += [compiler.best, lock.inputs, *self._steps(), *beside]
        inputs = "\n".join(lines)
        found = find_layer(self.cache, kind, str(kind), inputs, compress=True)
        if found is not None:
            return found
        compiler.check(kind)
        what = f"{counted(len(pins), 'package')} of {self.spec.environment}"
        notify(Step(f"Making the {kind} layer for {target.platform}: {what}"))
        with self.cache.scratch() as folder:
            if self.unshipped:
                folder = self.packages_here(project, lock, target, notify) or folder
            elif pins:
                self.tools.install(project.root, target.platform, folder, self.bench, notify=notify)
            entries = collect(folder, PACKAGES, ignored=self._stays, alone=True)
            return make_layer(self.cache, kind, str(kind), inputs, entries, compress=True)

    @property
    def unshipped(self) -> tuple[str, ...]:
        """The names in the folder of packages that only steps see, as patterns."""
        return self.spec.tools.unshipped if self.spec.tools else ()

    def _stays(self, path: str, folder: bool) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self.unshipped)

    def packages_for_steps(
        self, project: Project, lock: Lock, target: Target, shipped: Layer, notify: Notify
    ) -> Path | None:
        """Return the folder of packages that `build` and `test` see; None where there are none.

        Raises:
            InstallFailed: What is not shipped of them cannot be installed.
        """
        if self.unshipped:
            return self.packages_here(project, lock, target, notify)
        return self.tree(shipped) if lock.pins(target) else None

    def program(
        self,
        project: Project,
        lock: Lock,
        target: Target,
        packages: Layer,
        compiler: Compiler,
        notify: Notify,
    ) -> tuple[Layer, ...]:
        """Return the layer of what the code is compiled to; nothing where it is not.

        Raises:
            BuildFailed: It does not compile.
            BenchMissing: It must be, and no container engine answers.
        """
        if self.spec.build is None:
            return ()
        kind, sources = LayerKind.PROGRAM, build_entries(project, self.spec)
        platform = target.platform
        parts = [compiler.best, self.bench.key, fingerprint(sources), str(packages.diff_id)]
        parts.append(digest_of(self.folder))
        inputs = "\n".join([platform, project.manifest.algorithm.entrypoint, *parts])
        found = find_layer(self.cache, kind, str(kind), inputs, compress=True)
        if found is None:
            compiler.check(kind)
            seen = self.packages_for_steps(project, lock, target, packages, notify)
            with self.cache.scratch() as folder:
                self.compile(project, sources, seen, platform, folder, notify)
                entries = collect(folder, PROGRAM, alone=True)
                found = make_layer(self.cache, kind, str(kind), inputs, entries, compress=True)
        return (found,)

    def compile(
        self,
        project: Project,
        sources: Iterable[Entry],
        packages: Path | None,
        platform: str,
        folder: Path,
        notify: Notify,
    ) -> None:
        """Compile `sources`, with what is in `packages`, into `folder`.

        Raises:
            BuildFailed: It does not compile; file and line are the first that are named.
        """
        build = self.spec.build
        assert build is not None
        notify(Step(f"Compiling {project.name} for {platform}"))
        kept = self._kept(project)
        use_folder(kept)
        with self.cache.scratch() as app:
            _lay_out(sources, app)
            if packages is None:
                packages = kept / "none"
                packages.mkdir(exist_ok=True)
            places = {"app": app, "packages": packages, "program": folder, "cache": kept}
            work = Work(
                build.command,
                {**places, "runtime": self.folder},
                frozenset({"app", "program", "cache"}),
                "app",
                {"platform": platform, "entrypoint": project.manifest.algorithm.entrypoint},
                build.needs,
            )
            with self.cache.locked(f"compile-{kept.name}"):
                done = self.bench.run(work, notify=notify)
            said = plain(done.said, str(app.resolve()), str(app))
        if done.code:
            file, line = place_in(said, project.root)
            said, hint = hint_of(said)
            if out_of_room(said):
                text = f"the disk is full: {project.name} could not be compiled"
                raise DiskFull(text, details=said)
            raise BuildFailed(
                f"{project.name} does not compile", file=file, line=line, details=said, hint=hint
            )
        if not any(folder.iterdir()):
            raise RuntimeInvalid(
                f"the build step of {self.spec.language} left nothing in {{program}}",
                hint=f"correct build.command in {self.spec.language}/runtime.toml",
            )

    def packages_here(
        self, project: Project, lock: Lock, target: Target, notify: Notify
    ) -> Path | None:
        """Return the folder that `install` fills for `target`; None where there are no packages.

        Raises:
            InstallFailed: They cannot be installed.
            ToolMissing: This machine lacks a program for it.
        """
        pins = lock.pins(target)
        if not (pins or (self.unshipped and lock.files)):
            return None
        lines = [str(target), lock.inputs, *self._steps(), *(pin.identity for pin in pins)]
        lines += (f"{name} {lock.files[name]}" for name in sorted(lock.files))

        def fill(folder: Path) -> None:
            what = counted(len(pins), "package") if pins else "what compiles and tests"
            notify(Step(f"Installing {what} with {target.named}"))
            origin = (pins[0].origin if pins else None) or project.root
            self.tools.install(origin, target.platform, folder, self.bench, notify=notify)

        return ensure_tree(self.cache.root / TREES, _named(LayerKind.PACKAGES, lines), fill)

    def program_here(
        self, project: Project, packages: Path | None, platform: str, notify: Notify
    ) -> Path | None:
        """Return the folder of the program for this machine; None where nothing is compiled.

        Raises:
            BuildFailed: It does not compile.
            ToolMissing: This machine lacks a program for it.
        """
        if self.spec.build is None:
            return None
        sources = build_entries(project, self.spec)
        entrypoint = project.manifest.algorithm.entrypoint
        lines = [platform, entrypoint, self.bench.key, fingerprint(sources), str(packages)]
        lines.append(digest_of(self.folder))

        def fill(folder: Path) -> None:
            self.compile(project, sources, packages, platform, folder, notify)

        # Each edit leaves a program behind, and nobody goes back far.
        of = f"{LayerKind.PROGRAM}-{hashlib.sha256(str(project.root).encode()).hexdigest()[:8]}"
        home = self.cache.root / TREES
        made = ensure_tree(home, _named(of, lines), fill)
        prune_trees(home, of, keep=_PROGRAMS)
        return made

    def testing(self, project: Project, packages: Path | None, platform: str) -> Work:
        """Return what runs the author's tests in the project's own folder."""
        kept = self._kept(project)
        places = {"app": project.root, "runtime": self.folder, "cache": kept}
        use_folder(kept)
        places["packages"] = packages or kept / "none"
        places["packages"].mkdir(exist_ok=True)
        values = {"platform": platform, "entrypoint": project.manifest.algorithm.entrypoint}
        needs = self.spec.build.needs if self.spec.build else ()
        return Work(self.spec.test, places, frozenset({"app", "cache"}), "app", values, needs)

    def tree(self, layer: Layer) -> Path:
        """Return a folder with what `layer` holds, made when it is not there."""
        return unpacked(layer, self.cache.root)

    def _steps(self) -> tuple[str, ...]:
        """What decides how packages are installed."""
        return (self.bench.key, *(self.spec.tools.install if self.spec.tools else ()))

    def _kept(self, project: Project) -> Path:
        said = f"{self.bench.key}\0{project.root}"
        key = hashlib.sha256(said.encode()).hexdigest()[:16]
        return self.cache.root / "steps" / f"{self.spec.language}-{key}"


def unpacked(layer: Layer, cache: Path) -> Path:
    """Return the folder, in the user's `cache`, with what a packages or program layer holds."""
    # The blob was compared with this digest; what the config says of its content was not.
    name = f"{layer.kind}-{layer.descriptor.digest.hex[:24]}"
    return ensure_tree(cache / TREES, name, lambda folder: _unpack(layer, folder))


def laid_out(layer: Layer, home: Path) -> Path:
    """Return the folder in `home` with what a packages or program layer holds, for a container."""
    folder = home / f"{layer.kind}-{layer.descriptor.digest.hex[:16]}"
    if not folder.is_dir():
        with writing(home):
            unfinished = Path(tempfile.mkdtemp(dir=home, prefix=f".{layer.kind}-"))
            try:
                _unpack(layer, unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def environment_of(project: Project, folder: Path, packages: Path | None) -> dict[str, str]:
    """Return what the placeholders of `exec` stand for on this machine."""
    values = {"runtime": folder, "app": project.root, "packages": packages or project.root}
    return {name: str(path) for name, path in values.items()}


def _unpack(layer: Layer, folder: Path) -> None:
    place = PACKAGES if layer.kind is LayerKind.PACKAGES else PROGRAM
    target = Unpacking(folder)
    for member, content in members(layer):
        name = member.name.removeprefix(f"{place}/")
        if name != member.name:
            target.write(member, name, content)


def _named(what: str, lines: Iterable[str]) -> str:
    return f"{what}-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:24]}"


def build_entries(project: Project, spec: RuntimeSpec) -> list[Entry]:
    """Return what the program of `project` is compiled from, sorted by path below the project."""
    found = {entry.path.removeprefix(f"{APP}/"): entry for entry in code_entries(project)}
    tools = spec.tools
    for name in (*tools.read, *tools.lock) if tools else ():
        path = project.root / name
        if path.is_file():
            found.setdefault(name, Entry(name, path))
    entries = [Entry(path, one.source, one.executable, one.link) for path, one in found.items()]
    return sorted(entries, key=lambda one: one.path)


def _lay_out(sources: Iterable[Entry], folder: Path) -> None:
    """Copy `sources` with their times, by which compilers tell what changed."""
    for entry in sources:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            path.symlink_to(entry.link)
        elif isinstance(entry.source, Path):
            shutil.copy2(entry.source, path)
