"""Read locks of other tools in the form of PEP 751 (`pylock.toml`), for one target at a time."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from algo.environments.errors import RequirementInvalid, RequirementsStale
from algo.environments.interpreters import admits
from algo.project.lock import Pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from packaging.tags import Tag

    from algo.project.lock import Target

_GLIBC = 28
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# glibc 2.5, 2.12 and 2.17 have names of their own from before PEP 600.
_OLD_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_MACOS = (13, 0)


class _File(msgspec.Struct, frozen=True):
    name: str = ""
    url: str = ""
    path: str = ""
    hashes: dict[str, str] = {}

    @property
    def filename(self) -> str:
        """Its name, from its place when it has none of its own."""
        place = self.path or unquote(urlsplit(self.url).path)
        return self.name or place.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """Its hash, empty when the lock has none of this kind."""
        found = self.hashes.get("sha256", "")
        return f"sha256:{found}" if found else ""


class _Package(msgspec.Struct, frozen=True, rename="kebab"):
    name: str
    version: str = ""
    marker: str = ""
    requires_python: str = ""
    sdist: _File | None = None
    wheels: tuple[_File, ...] = ()
    vcs: Any = None
    directory: Any = None
    archive: Any = None


class _Document(msgspec.Struct, frozen=True, rename="kebab"):
    lock_version: str
    packages: tuple[_Package, ...] = ()
    requires_python: str = ""
    environments: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()


def select(text: str, where: str, target: Target) -> tuple[tuple[Pin, ...], frozenset[str]]:
    """Return what the lock `text` pins for `target`, and the names of those without a wheel for it.

    Args:
        text: The text of a `pylock.toml`.
        where: What to call it in an error.
        target: The platform and Python to choose for.

    Raises:
        RequirementInvalid: It cannot be read, or pins an address, a folder or no hash.
        RequirementsStale: It was not made for this Python or platform.
    """
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RequirementInvalid(f"{where} cannot be read: {error}", hint=_anew(where)) from error
    if document.lock_version.partition(".")[0] != "1":
        raise RequirementInvalid(
            f"{where} has lock-version {document.lock_version}, 1.0 is known", hint=_anew(where)
        )
    here = _environment(target, frozenset(document.default_groups))
    _check_made_for(document, where, target, here)
    supported = list(_tags(target))
    pins, built = [], set()
    for package in document.packages:
        if package.marker and not _holds(package.marker, here, where):
            continue
        pin, has_wheel = _pin(package, supported, where)
        pins.append(pin)
        if not has_wheel:
            built.add(pin.name)
    return tuple(sorted(pins)), frozenset(built)


def source_in(text: str, name: str, folder: Path) -> str:
    """Return where the source archive of the package `name` lies, an address or a path.

    Args:
        text: The text of a `pylock.toml`.
        name: The package.
        folder: Where the file lies: its paths are relative to it.

    Raises:
        RequirementInvalid: It has none.
    """
    document = msgspec.convert(tomllib.loads(text), _Document)
    found = next((one.sdist for one in document.packages if one.name == name), None)
    if found is None:
        raise RequirementInvalid(f"no index has the source of {name}")
    return str((folder / found.path).resolve()) if found.path else found.url


def _check_made_for(
    document: _Document, where: str, target: Target, here: Mapping[str, str | frozenset[str]]
) -> None:
    wanted = document.requires_python
    if wanted and not admits(wanted, target.python, where):
        raise RequirementsStale(
            f"{where} is for Python {wanted}, and {target} is needed",
            hint=f'set python = "{wanted}" under [environment] of algo.toml, then: algo lock',
        )
    made_for = document.environments
    if made_for and not any(_holds(one, here, where) for one in made_for):
        raise RequirementsStale(f"{where} is not for {target}", hint=_remake(where))


def _anew(where: str) -> str:
    return f"bring back a {where} that can be read, or make it anew: {_remake(where)}"


def _remake(where: str) -> str:
    if where.startswith("uv.lock"):
        return "take environments out of [tool.uv] in pyproject.toml, then: uv lock"
    return f"uv pip compile --universal --format pylock.toml -o {where} requirements.in"


def _pin(package: _Package, supported: list[Tag], where: str) -> tuple[Pin, bool]:
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

    if package.vcs or package.directory or package.archive or not package.version:
        raise RequirementInvalid(
            f"{where}: {package.name} is no release of an index, and cannot be locked",
            details="A lock holds names, versions and hashes; not addresses and folders.",
            hint="publish the package to an index and require it by name",
        )
    tags, fitting = frozenset(supported), []
    for wheel in package.wheels:
        try:
            if not tags.isdisjoint(parse_wheel_filename(wheel.filename)[3]):
                fitting.append(wheel)
        except InvalidWheelFilename:
            continue
    files = [*package.wheels, *([package.sdist] if package.sdist else [])]
    hashes = {file.sha256 for file in (files if fitting else files[len(package.wheels) :])}
    hashes.discard("")
    if not hashes:
        raise RequirementInvalid(
            f"{where} has no file with a SHA-256 of {package.name} {package.version}",
            hint=_remake(where),
        )
    name = canonicalize_name(package.name)
    return Pin(name, package.version, tuple(sorted(hashes))), bool(fitting)


def _holds(marker: str, here: Mapping[str, str | frozenset[str]], where: str) -> bool:
    from packaging.markers import InvalidMarker, Marker

    try:
        return Marker(marker).evaluate({**here}, context="lock_file")
    except InvalidMarker as error:
        raise RequirementInvalid(f"{where}: {marker!r} is no marker") from error


def _environment(target: Target, groups: frozenset[str]) -> dict[str, str | frozenset[str]]:
    """Return the environment of PEP 508 for `target`, as PEP 751 extends it."""
    system, machine = target.platform.split("/")
    darwin = system == "darwin"
    full = f"{target.python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": machine
        if darwin and machine == "arm64"
        else _MACHINES.get(machine, machine),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Darwin" if darwin else "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": target.python,
        "sys_platform": system,
        "extras": frozenset(),
        "dependency_groups": groups,
    }


def _tags(target: Target) -> Iterator[Tag]:
    """Yield the tags of the wheels that `target` can use, the best first."""
    from packaging.tags import compatible_tags, cpython_tags, mac_platforms

    system, machine = target.platform.split("/")
    if system == "darwin":
        platforms = list(mac_platforms(_MACOS, "arm64" if machine == "arm64" else "x86_64"))
    else:
        platforms = list(_linux_platforms(_MACHINES.get(machine, machine)))
    major, minor = (int(part) for part in target.python.split("."))
    yield from cpython_tags((major, minor), platforms=platforms)
    yield from compatible_tags((major, minor), f"cp{major}{minor}", platforms)


def _linux_platforms(machine: str) -> Iterator[str]:
    for minor in range(_GLIBC, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _OLD_NAMES:
            yield f"{_OLD_NAMES[minor]}_{machine}"
    yield f"linux_{machine}"
