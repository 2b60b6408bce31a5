"""`algo.lock`: every package with its version and hashes, per target; no address of any index."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.project.errors import LockInvalid
from algo.project.models import LockedFile, LockedModel, safe_path
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tomlkit.items import AoT

FORMAT = 1
RUNTIME = "runtime"
TEST = "test"
PIP = "pip"
CONDA = "conda"
UNBUILT = "unbuilt"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = "Written by `algo lock` from the project's requirements. Commit it, do not edit it."


class Target(Value, frozen=True, order=True):
    """Where a group of packages is installed.

    Args:
        platform: `linux/amd64`, `linux/arm64`, `darwin/arm64`.
        python: The minor version, `3.13`; `conda` where the packages bring their own; the package
            manager, `npm`, where they are no Python's.
        group: `runtime`, what the algorithm needs; or `test`, what its tests need besides.
    """

    platform: str
    python: str
    group: str = RUNTIME

    def __str__(self) -> str:
        return f"{self.platform} {self.environment} {self.group}"

    @property
    def environment(self) -> str:
        """What the packages are installed into, as `algo.lock` has it: `python3.13`, `npm`."""
        return f"python{self.python}" if self._is_python else self.python

    @property
    def named(self) -> str:
        """What to call its environment: `Python 3.13`, `conda`."""
        return f"Python {self.python}" if self._is_python else self.python

    @property
    def _is_python(self) -> bool:
        return self.python[:1].isdigit()

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read the form that `str` writes.

        Raises:
            LockInvalid: It is another form.
        """
        platform, _, rest = text.partition(" ")
        python, _, group = rest.partition(" ")
        number = python.removeprefix("python")
        minor = number if number[:1].isdigit() else python
        if not (platform and minor and group) or python[:1].isdigit():
            raise LockInvalid(f"algo.lock names a target {text!r} that has no known form")
        return cls(platform, minor, group)


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A package at one version.

    Args:
        name: Its normalised name.
        version: Its version, the local label included: `2.9.0+cpu`.
        hashes: Of the files that it may be installed from, sorted: `sha256:<hex>`, or as its
            manager has them, `sha512-<base64>`.
        kind: The package manager that installs it: `pip`, `conda`, `npm`.
        source: Where it is from, when that is not the usual index: a name and never an address,
            as `pytorch/cpu` or a channel's.
        build: What tells files of one version apart where its manager needs that.
        wheel: The hash of the wheel that was built of it, where no index has one for an image;
            `UNBUILT` where nobody built it yet.
        tools: What built the wheel, each as `name==version sha256:…`.
        license: Its SPDX expression, where its manager says it.
        origin: The folder with the files beside the lock that this came from, where its manager
            needs one.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    kind: str = PIP
    source: str = ""
    build: str = ""
    wheel: str = ""
    tools: tuple[str, ...] = ()
    license: str = ""
    origin: Path | None = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> str:
        """What decides which files are installed, as one line."""
        parts = [f"{self.name}=={self.version}", *self.hashes, self.source, self.build, self.wheel]
        return " ".join(filter(None, parts))

    def same_release(self, other: Pin) -> bool:
        """Tell whether `other` is the same version of the same package, with a file in common."""
        named = (self.kind, self.name, self.version) == (other.kind, other.name, other.version)
        return named and not set(self.hashes).isdisjoint(other.hashes)


class Lock(Value, frozen=True):
    """A whole lock.

    Args:
        inputs: The digest of the requirements it was made from.
        targets: The packages of each target, sorted by name.
        runtimes: The digest of the runtime image per platform, where one was built.
        files: The digests of files beside the lock that belong to it, by their names.
        models: The models that are fetched, sorted by name.
        bases: The digest of each image that runtime images are made on, as `PLATFORM IMAGE`, where
            the project chooses it.
        asked: What the runtime image of a platform was made with besides: system packages, and a
            digest of what was chosen to build on. A platform without such is left out.
    """

    inputs: str
    targets: dict[Target, tuple[Pin, ...]]
    runtimes: dict[str, str]
    files: dict[str, str] = msgspec.field(default_factory=dict)
    models: tuple[LockedModel, ...] = ()
    bases: dict[str, str] = msgspec.field(default_factory=dict)
    asked: dict[str, str] = msgspec.field(default_factory=dict)

    def pins(self, target: Target) -> tuple[Pin, ...]:
        """Return the packages of `target`, none when the lock does not hold it."""
        return self.targets.get(target, ())

    def target(self, platform: str, python: str, group: str = RUNTIME) -> Target:
        """Return what this lock calls a target: packages that bring their Python have one name.

        Raises:
            LockInvalid: They are for other platforms alone.
        """
        brought = Target(platform, CONDA, group)
        if brought in self.targets:
            return brought
        others = sorted(
            one.platform for one in self.targets if (one.python, one.group) == (CONDA, group)
        )
        if others:
            raise LockInvalid(
                f"the environment is not for {platform}: algo.lock has {', '.join(others)}",
                hint="add the platform to `platforms:` of environment.yml, then: algo lock",
            )
        return Target(platform, python, group)

    def versions(self) -> dict[str, str]:
        """Return one locked version per package name, as a preference for the next lock."""
        return {pin.name: pin.version for pins in self.targets.values() for pin in pins}

    def with_targets(self, targets: dict[Target, tuple[Pin, ...]]) -> Lock:
        """Return the lock with `targets` added, or put in place of those it has."""
        return replace(self, targets=self.targets | targets)

    def with_runtime(self, platform: str, digest: str) -> Lock:
        """Return the lock with the runtime image of `platform` written down."""
        return replace(self, runtimes=self.runtimes | {platform: digest})

    def with_models(self, models: Iterable[LockedModel]) -> Lock:
        """Return the lock with these models in place of those it has."""
        return replace(self, models=tuple(sorted(models, key=lambda model: model.name)))

    def model(self, name: str) -> LockedModel | None:
        """Return the fetched model called `name`, None when the lock does not hold it."""
        return next((model for model in self.models if model.name == name), None)


class _Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str
    targets: tuple[str, ...]
    hashes: tuple[str, ...]
    kind: str = PIP
    source: str = ""
    build: str = ""
    wheel: str = ""
    tools: tuple[str, ...] = ()
    license: str = ""

    def pin(self, beside: Path | None) -> Pin:
        """Return it without its targets."""
        names = (name for name in Pin.__dataclass_fields__ if name != "origin")
        values = {name: getattr(self, name) for name in names}
        return Pin(**values, origin=None if self.kind == PIP else beside)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    sha256: str
    size: int


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    source: str
    files: tuple[_File, ...]
    revision: str = ""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    inputs: str
    targets: tuple[str, ...] = ()
    asked: dict[str, str] = {}
    base: dict[str, str] = {}
    runtime: dict[str, str] = {}
    files: dict[str, str] = {}
    package: tuple[_Package, ...] = ()
    model: tuple[_Model, ...] = ()


def parse(text: str, beside: Path | None = None) -> Lock:
    """Read the text of an `algo.lock`; `beside` is the folder of the files that belong to it.

    Raises:
        LockInvalid: A conflict, syntax, an unknown key, a newer format.
    """
    marker = re.search(r"^(?:<{7}|={7}|>{7})(?: |$)", text, re.MULTILINE)
    if marker:
        number = text.count("\n", 0, marker.start()) + 1
        raise LockInvalid(
            f"algo.lock:{number} has a conflict of git",
            hint="algo lock makes it anew; so that the versions of one side stay, first: "
            "git checkout --ours algo.lock",
        )
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise LockInvalid(f"algo.lock cannot be read: {error}") from error
    if document.version != FORMAT:
        raise LockInvalid(
            f"algo.lock has format {document.version}, this algo reads {FORMAT}",
            hint="pip install --upgrade algo-cli; algo lock makes it anew for this one",
        )
    pins: dict[str, list[Pin]] = {name: [] for name in document.targets}
    for package in document.package:
        for target in package.targets:
            if target not in pins:
                raise LockInvalid(f"algo.lock: {package.name} is for {target!r}, not listed above")
            pins[target].append(package.pin(beside))
    targets = {Target.parse(name): tuple(sorted(found)) for name, found in pins.items()}
    lock = Lock(document.inputs, targets, document.runtime, document.files)
    lock = replace(lock, bases=document.base, asked=document.asked)
    return lock.with_models(_locked_model(model) for model in document.model)


def read(path: Path) -> Lock | None:
    """Read the lock at `path`; None when there is none.

    Raises:
        LockInvalid: As `parse`, or it is not UTF-8.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), path.parent)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise LockInvalid(f"algo.lock is not UTF-8 at byte {error.start}") from error


def render(lock: Lock) -> str:
    """Return the text of `lock`, the same for the same content."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADER))
    document["version"] = FORMAT
    document["inputs"] = lock.inputs
    document["targets"] = _lines(str(target) for target in sorted(lock.targets))
    tables = (
        *(("runtime", lock.runtimes), ("asked", lock.asked)),
        *(("base", lock.bases), ("files", lock.files)),
    )
    for key, digests in tables:
        if digests:
            table = tomlkit.table()
            for name in sorted(digests):
                table.add(name, digests[name])
            document[key] = table
    packages = tomlkit.aot()
    for pin, targets in sorted(_by_package(lock).items()):
        table = tomlkit.table()
        table.add("name", pin.name)
        table.add("version", pin.version)
        table.add("targets", _lines(targets))
        table.add("hashes", _lines(pin.hashes))
        for key, value in _further(pin).items():
            table.add(key, value)
        if pin.tools:
            table.add("tools", _lines(pin.tools))
        packages.append(table)
    if packages:
        document["package"] = packages
    if lock.models:
        document["model"] = _models(lock.models)
    return tomlkit.dumps(document)


def write(lock: Lock, path: Path) -> None:
    """Write `lock` to `path` in one step, so that no reader sees half of it."""
    replace_file(path, render(lock).encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step, with the permissions of the file that is there.

    Raises:
        OSError: It cannot be written: the file is as it was, and nothing is left beside it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a loss of power could leave the author an empty file
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        # Of a disk that is full the system names no file.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _locked_model(model: _Model) -> LockedModel:
    for file in model.files:
        if not safe_path(file.path) or not _SHA256.fullmatch(file.sha256):
            raise LockInvalid(f"algo.lock: the model {model.name} has a bad file {file.path!r}")
    files = sorted(LockedFile(file.path, file.sha256, file.size) for file in model.files)
    return LockedModel(model.name, model.source, model.revision, tuple(files))


def _models(models: Iterable[LockedModel]) -> AoT:
    import tomlkit

    found = tomlkit.aot()
    for model in models:
        table = tomlkit.table()
        table.add("name", model.name)
        table.add("source", model.source)
        if model.revision:
            table.add("revision", model.revision)
        files = tomlkit.array()
        for file in model.files:
            entry = tomlkit.inline_table()
            entry.update({"path": file.path, "sha256": file.sha256, "size": file.size})
            files.append(entry)
        table.add("files", files.multiline(True))
        found.append(table)
    return found


def _by_package(lock: Lock) -> dict[Pin, list[str]]:
    found: dict[Pin, list[str]] = {}
    for target in sorted(lock.targets):
        for pin in lock.targets[target]:
            found.setdefault(pin, []).append(str(target))
    return found


def _further(pin: Pin) -> dict[str, str]:
    """Return what there is to say of a package that is not as most are."""
    kind = "" if pin.kind == PIP else pin.kind
    said = {"kind": kind, "source": pin.source, "build": pin.build, "wheel": pin.wheel}
    said["license"] = pin.license
    return {key: value for key, value in said.items() if value}


def _lines(items: Iterable[str]) -> object:
    import tomlkit

    array = tomlkit.array()
    array.extend(items)
    array.multiline(True)
    return array
