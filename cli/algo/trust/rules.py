"""`trust.toml`: what a version must have besides a good signature, per name, owner or registry."""

from __future__ import annotations

import difflib
import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from algo.trust.errors import TrustInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.trust.provenance import Provenance

FILE = "trust.toml"
_HEADS = "refs/heads/"
_TABLES = ("registries", "owners", "names")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What is asked of versions; what is None is not said here.

    Args:
        provenance: Whether there must be one.
        repository: The repositories that a version may come from, with `*` for any characters.
        branch: The branches, also with `*`; `refs/tags/v*` is a tag.
        unsafe_models: What becomes of a version with models that run code when they are loaded.
        yanked: What becomes of a version that its publisher took back.
    """

    provenance: Literal["required", "optional"] | None = None
    repository: str | tuple[str, ...] | None = None
    branch: str | tuple[str, ...] | None = None
    unsafe_models: Literal["allow", "warn", "refuse"] | None = None
    yanked: Literal["allow", "warn", "refuse"] | None = None

    def over(self, other: Rule) -> Rule:
        """Return the rule in which what this one says comes before what `other` says."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(
            other, **{name: value for name, value in said.items() if value is not None}
        )

    def objection(self, provenance: Provenance | None, unsafe: Sequence[str] = ()) -> str:
        """Return why a version is refused, empty when it is not.

        Args:
            provenance: How it came to be.
            unsafe: What its models do when they are loaded.
        """
        if unsafe and self.unsafe_models == "refuse":
            return f"its model {unsafe[0]}"
        return self._of_origin(provenance)

    def on_yanked(self, *, by_digest: bool) -> Literal["allow", "warn", "refuse"]:
        """Return what becomes of a version that was taken back.

        Where nothing is said, whoever asks for it by its digest has decided on it before, and goes
        on with a warning.
        """
        return self.yanked or ("warn" if by_digest else "refuse")

    def _of_origin(self, provenance: Provenance | None) -> str:
        wanted = self.provenance == "required" or self.repository or self.branch
        if not wanted:
            return ""
        if provenance is None:
            return "it has no provenance"
        if not (self.repository or self.branch):
            return ""
        source = provenance.source
        if source is None or not provenance.commit:
            return "it was not published from a commit of a git repository"
        if provenance.dirty:
            return "it was published with files that are in no commit"
        places = [_bare(text) for text in _many(self.repository)]
        if places and not any(fnmatchcase(_bare(source.repository), place) for place in places):
            return f"it comes from {source.repository or 'no known repository'}"
        refs = [text if text.startswith("refs/") else _HEADS + text for text in _many(self.branch)]
        if refs and not any(fnmatchcase(source.ref, ref) for ref in refs):
            return f"it comes from {source.ref or 'no branch'}"
        return ""


class Rules(msgspec.Struct, frozen=True):
    """All of `trust.toml`; the nearer rule comes before the farther: name, owner, registry, all."""

    every: Rule = Rule()
    registries: dict[str, Rule] = {}
    owners: dict[str, Rule] = {}
    names: dict[str, Rule] = {}

    def of(self, host: str, name: str) -> Rule:
        """Return what holds for `owner/name` in the registry at `host`, empty for the store."""
        owner = name.partition("/")[0]
        found = self.registries.get(host, Rule()).over(self.every)
        return self.names.get(name, Rule()).over(self.owners.get(owner, Rule()).over(found))


def read_rules(path: Path) -> Rules:
    """Return what the file at `path` says, nothing when there is none.

    Raises:
        TrustInvalid: It cannot be read, or says what we do not know.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Rules()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrustInvalid(f"{path} cannot be read: {error}", hint=f"cat {path}") from error
    tables = {name: _table(raw.pop(name, {}), f"[{name}]", path) for name in _TABLES}
    rules = {
        name: {key: _rule(value, f"[{name}.{key}]", path) for key, value in table.items()}
        for name, table in tables.items()
    }
    return Rules(_rule(raw, "", path, _TABLES), **rules)


def _table(value: Any, place: str, path: Path) -> dict[str, Any]:
    if isinstance(value, dict) and all(isinstance(item, dict) for item in value.values()):
        return value
    raise TrustInvalid(f"{path}: {place} is no table of rules", hint="algo verify --help")


def _rule(raw: dict[str, Any], place: str, path: Path, tables: tuple[str, ...] = ()) -> Rule:
    known = [field.encode_name for field in msgspec.structs.fields(Rule)]
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, [*known, *tables], n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            raise TrustInvalid(f"{path}: {place or 'it'} has no key {key!r}", hint=hint)
    try:
        return msgspec.convert(raw, Rule)
    except msgspec.ValidationError as error:
        raise TrustInvalid(f"{path}: {place} {error}".replace("  ", " ")) from error


def _many(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _bare(address: str) -> str:
    """Return the address of a repository without what does not tell two of them apart."""
    return address.rpartition("://")[2].rstrip("/").removesuffix(".git")
