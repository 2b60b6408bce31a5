"""Packages through the tool of a language, whose steps its `runtime.toml` names."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from algo.environments.errors import (
    IndexRefused,
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.interface import Resolved
from algo.environments.sayings import is_malformed, is_refused, is_unreachable
from algo.errors import DiskFull
from algo.events import Step
from algo.languages.errors import RuntimeInvalid
from algo.languages.interface import Work
from algo.languages.steps import hint_of, out_of_room, place_in, plain
from algo.project.lock import Pin, Target
from algo.storage.trees import use_folder
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from algo.environments.upgrade import Upgrade
    from algo.errors import AlgoError
    from algo.events import Notify
    from algo.languages.interface import Bench
    from algo.languages.spec import PackagesSpec, RuntimeSpec
    from algo.project.lock import Lock
    from algo.project.project import Project

IMAGE_PLATFORMS = ("linux/amd64", "linux/arm64")
PINS = "pins.json"


class _Pinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `pins.json` (runtimes/README.md)."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    license: str = ""


class Tools(Value, frozen=True):
    """The package manager of a language and the room that it works in.

    Args:
        spec: The language.
        folder: Its folder.
        scratch: Gives a folder for a block, which an engine can see.
        kept: A folder that the steps keep things in.
    """

    spec: RuntimeSpec
    folder: Path
    scratch: Callable[[], AbstractContextManager[Path]]
    kept: Path

    def asked(self, root: Path) -> PackagesSpec | None:
        """Return the package manager when the files in `root` ask it for packages."""
        found = self.spec.tools
        return found if found and found.first(root) else None

    def inputs(self, root: Path) -> str:
        """Return a digest of what decides which packages there are."""
        total = hashlib.sha256(f"{self.spec.language} {self.spec.version}\n".encode())
        found = self.asked(root)
        for name in _read(found, root) if found else ():
            path = root / name
            content = path.read_bytes() if path.is_file() else b""
            total.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
        return f"sha256:{total.hexdigest()}"

    def resolve(
        self, root: Path, targets: Iterable[Target], bench: Bench, *, anew: bool, notify: Notify
    ) -> Resolved:
        """Return the packages that the files in `root` ask for.

        Args:
            root: The project's folder.
            targets: What to pin them for.
            bench: Where the step runs.
            anew: Forget the tool's own lock, for the newest versions.
            notify: Gets a step.

        Raises:
            RequirementInvalid: What authors write cannot be read.
            Unsatisfiable: The tool could not; its words are the details.
            IndexUnreachable: Its registry does not answer.
            IndexRefused: Its registry wants credentials.
            RuntimeInvalid: It left no list of packages, or one that cannot be read.
        """
        found = self.asked(root)
        if found is None:
            return Resolved({target: () for target in targets})
        asking = found.first(root)
        notify(Step(f"Locking {asking} with {found.manager}"))
        with self.scratch() as work:
            self._lay_out(root, work, (*found.read, *(() if anew else found.lock)))
            said = self._run(
                found.resolve, found, {"app": work}, bench, notify, oldest=found.oldest
            )
            if said is not None:
                raise _refused(asking, said, root)
            entries = _read_pins(work / PINS, self.spec.language)
            # What authors write stays theirs: settings of a tool may hold credentials, and what is
            # beside a lock is published with it.
            beside = {name: work / name for name in found.lock}
            files = {name: path.read_bytes() for name, path in beside.items() if path.is_file()}
        pins = [_pin(one, found.manager, root) for one in entries]
        named = dict(zip(pins, entries, strict=True))
        return Resolved(
            {
                target: tuple(sorted(pin for pin in pins if _fits(named[pin], target)))
                for target in targets
            },
            files,
        )

    def install(
        self, origin: Path, platform: str, folder: Path, bench: Bench, *, notify: Notify
    ) -> None:
        """Fill `folder` with what the lock in the folder `origin` says, for `platform`.

        Raises:
            InstallFailed: The tool could not; its words are the details.
            IndexUnreachable: Its registry does not answer.
        """
        found = self.asked(origin)
        if found is None:
            return
        with self.scratch() as work:
            self._lay_out(origin, work, (*found.read, *found.lock))
            places = {"app": work, "packages": folder}
            said = self._run(found.install, found, places, bench, notify, platform)
        if said is not None:
            what = f"{found.manager} could not install the locked packages"
            raise _explained(InstallFailed, what, said, origin)

    def _run(
        self,
        words: tuple[str, ...],
        found: PackagesSpec,
        places: dict[str, Path],
        bench: Bench,
        notify: Notify,
        platform: str = IMAGE_PLATFORMS[0],
        oldest: Mapping[str, str] | None = None,
    ) -> str | None:
        """Run a step with the network; return what it said when it failed, else None."""
        use_folder(self.kept)
        work = Work(
            words,
            {**places, "runtime": self.folder, "cache": self.kept},
            frozenset({*places, "cache"}),
            "app",
            {"platform": platform},
            found.needs,
            oldest or {},
            network=True,
            variables=found.variables,
            settings=found.settings,
        )
        done = bench.run(work, notify=notify)
        return plain(done.said, str(places["app"])) if done.code else None

    def _lay_out(self, root: Path, work: Path, names: Iterable[str]) -> None:
        for name in names:
            if (root / name).is_file():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, work / name)


class ToolLocking(Value, frozen=True):
    """What a lock is made with where a language's own tool pins (`PackageLocking`).

    Args:
        tools: The tool.
        bench: Where it resolves.
        here: The platform of this machine.
    """

    tools: Tools
    bench: Callable[[], Bench]
    here: str

    @property
    def targets(self) -> tuple[Target, ...]:
        """Images' and this machine's."""
        return tuple(self.image_target(one) for one in dict.fromkeys((*IMAGE_PLATFORMS, self.here)))

    @property
    def host_target(self) -> Target:
        """This machine's."""
        return self.image_target(self.here)

    @property
    def writes(self) -> tuple[str, ...]:
        """The tool's own lock."""
        return self.tools.spec.left_out

    def image_target(self, platform: str) -> Target:
        """The same packages outside a container as inside."""
        return Target(platform, self.tools.spec.environment)

    def inputs(self, project: Project) -> str:
        """Return the digest of the files that authors write."""
        return self.tools.inputs(project.root)

    def resolve(
        self, project: Project, old: Lock | None, upgrade: Upgrade, *, notify: Notify
    ) -> Resolved:
        """Resolve by the tool's own step.

        Raises:
            RequirementInvalid: Single packages are to be upgraded, which their tool does.
        """
        if upgrade.packages:
            found = self.tools.spec.tools
            tool = found.manager if found else self.tools.spec.language
            raise RequirementInvalid(
                f"single packages are upgraded by {tool} itself",
                hint=f"upgrade {' '.join(upgrade.packages)} with {tool}, then: algo lock",
            )
        elsewhere = old.targets if old else {}
        kind = self.tools.spec.environment
        targets = dict.fromkeys((*self.targets, *(one for one in elsewhere if one.python == kind)))
        return self.tools.resolve(
            project.root, targets, self.bench(), anew=upgrade.everything, notify=notify
        )


def _read(found: PackagesSpec, root: Path) -> tuple[str, ...]:
    """Return what decides: what stands for the first file only where it is there."""
    return (*found.files, *(name for name in found.instead if (root / name).is_file()))


def _pin(entry: _Pinned, manager: str, root: Path) -> Pin:
    hashes = tuple(sorted(entry.hashes))
    pin = Pin(entry.name, entry.version, hashes, manager, license=entry.license)
    return replace(pin, origin=root)


def _fits(entry: _Pinned, target: Target) -> bool:
    return not entry.platforms or target.platform in entry.platforms


def _read_pins(path: Path, language: str) -> Sequence[_Pinned]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[_Pinned, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise RuntimeInvalid(
            f"the resolve step of {language} left no {PINS} that can be read: {error}",
            hint=f"correct packages.resolve in {language}/runtime.toml",
        ) from error


def _refused(file: str, said: str, root: Path) -> AlgoError:
    hint = f"correct {file}, then: algo lock"
    if is_malformed(said):
        return _explained(RequirementInvalid, f"{file} cannot be read", said, root, hint)
    return _explained(Unsatisfiable, f"{file} cannot be met", said, root, hint)


def _explained(
    kind: type[AlgoError], what: str, said: str, root: Path, hint: str | None = None
) -> AlgoError:
    said, known = hint_of(said)
    if out_of_room(said):
        return DiskFull(f"the disk is full: {what}", details=said)
    if is_unreachable(said):
        text = f"{what}: its registry does not answer"
        return IndexUnreachable(text, details=said, hint=known)
    if is_refused(said):
        text = f"{what}: its registry refuses access"
        hint = "give the package manager credentials for its registry, then: algo lock"
        return IndexRefused(text, details=said, hint=known or hint)
    file, line = place_in(said, root)
    where = f"{file}:{line}: " if file else ""
    return kind(f"{where}{what}", details=said, hint=known or hint)
