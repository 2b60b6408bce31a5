"""`runtime.toml`: what a language's folder says of it (runtimes/README.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from algo.languages.errors import RuntimeInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE = "runtime.toml"
# What `environments` and `images` do by themselves; the steps of every other one are named.
BUILT_IN = frozenset({"pip", "conda"})
# A brace behind a dollar is a shell's.
PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")
_RESOLVE = frozenset({"runtime", "app", "cache", "platform"})
_INSTALL = _RESOLVE | {"packages"}
_BUILD = _INSTALL | {"program", "entrypoint"}
_TEST = _INSTALL | {"entrypoint", "report"}
_EXEC = frozenset({"runtime", "app", "packages"})
_COMMAND = frozenset({"runtime", "app", "packages", "program", "python"})


class PackagesSpec(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True
):
    """`[packages]`: the package manager of a language.

    `files` are what authors write, the first of which decides whether there are packages, and
    without it one of `instead`; `lock` is the tool's own lock. `needs` are programs that the steps
    start besides their first word, and `oldest` the least versions of those that `resolve` starts;
    `variables` and `settings` are the user's, for the steps. What `install` leaves at names like
    `unshipped` is for `build` and `test` alone.
    """

    manager: str
    purl: str = ""
    files: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    resolve: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    unshipped: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    oldest: Mapping[str, str] = msgspec.field(default_factory=dict)
    variables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """The files that the steps get of a project, besides the lock."""
        return (*self.files, *self.instead)

    def first(self, root: Path) -> str:
        """Return the file in `root` that asks for packages, empty where there is none."""
        asking = (*self.files[:1], *self.instead)
        return next((name for name in asking if (root / name).is_file()), "")


class BuildSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[build]`: how a compiled language makes what `command` runs."""

    command: tuple[str, ...]
    needs: tuple[str, ...] = ()


class RuntimeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What `runtime.toml` says.

    `gateway` is the version of the image's Python, which runs the gateway; `suffixes` are those of
    the author's code; `reserved` are words that no module of it can be called, nor end in one of
    `reserved_endings`; `test` runs the author's own tests, which are in files like `tests`; `exec`
    comes before what `algo exec` runs; `oldest` has the least versions of programs, which are asked
    outside a container. One that `extends` another language has its folder, and says
    what differs.
    """

    language: str
    version: str
    base: str
    extends: str = ""
    gateway: str = "3.13"
    python: str = ""
    forks: bool = True
    command: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    reserved_endings: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    tests: tuple[str, ...] = ("tests/*",)
    exec: tuple[str, ...] = ()
    oldest: Mapping[str, str] = msgspec.field(default_factory=dict)
    packages: PackagesSpec | None = None
    build: BuildSpec | None = None

    @property
    def tools(self) -> PackagesSpec | None:
        """The package manager whose steps are named here, None where it is built in or none."""
        packages = self.packages
        return None if packages is None or packages.manager in BUILT_IN else packages

    @property
    def built_in(self) -> bool:
        """Whether its packages are those that we know by ourselves."""
        return self.packages is not None and self.packages.manager in BUILT_IN

    @property
    def environment(self) -> str:
        """What a lock calls its environment: a Python's version, else the package manager."""
        if self.built_in:
            return self.version
        return self.packages.manager if self.packages else self.language

    @property
    def left_out(self) -> tuple[str, ...]:
        """The files of a project that are for the package manager alone."""
        return self.tools.lock if self.tools else ()


def extends(folder: Path) -> str:
    """Return the language that the one in `folder` is a form of, empty for none.

    Raises:
        RuntimeInvalid: Its `runtime.toml` is not there, or cannot be read.
    """
    return str(_document(folder).get("extends", ""))


def read_spec(folder: Path, extended: Path | None = None) -> RuntimeSpec:
    """Return the `runtime.toml` in the `folder` of a language.

    Args:
        folder: It.
        extended: The folder of the language that it is a form of, which says all else.

    Raises:
        RuntimeInvalid: It is not there, or cannot be read.
    """
    where = f"{folder.name}/{FILE}"
    document = {**(_document(extended) if extended else {}), **_document(folder)}
    try:
        spec = msgspec.convert(document, RuntimeSpec)
    except msgspec.ValidationError as error:
        hint = f"correct {folder / FILE}"
        raise RuntimeInvalid(f"{where} cannot be read: {error}", hint=hint) from error
    for words, known in _commands(spec):
        for name in unknown(words, known):
            raise RuntimeInvalid(
                f"{where}: {words[0]} … names {{{name}}}, which nothing fills in",
                hint=f"correct {where}: there are {', '.join(sorted(known))}",
            )
    return spec


def _document(folder: Path) -> dict[str, Any]:
    where, path = f"{folder.name}/{FILE}", folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuntimeInvalid(f"{where} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuntimeInvalid(f"{where} cannot be read: {error}", hint=f"correct {path}") from error


def unknown(words: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """Yield the placeholders in `words` that are not `known`."""
    for word in words:
        yield from (name for name in PLACEHOLDER.findall(word) if name not in known)


def _commands(spec: RuntimeSpec) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    yield spec.command, _COMMAND
    yield spec.test, _TEST
    yield spec.exec, _EXEC
    if spec.packages is not None:
        yield spec.packages.resolve, _RESOLVE
        yield spec.packages.install, _INSTALL
    if spec.build is not None:
        yield spec.build.command, _BUILD


def filled(words: Sequence[str], values: dict[str, Any]) -> list[str]:
    """Return `words` with each placeholder replaced by its value, once."""
    return [PLACEHOLDER.sub(lambda one: str(values[one[1]]), word) for word in words]
