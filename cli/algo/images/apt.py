"""What apt says when it cannot put the packages of a runtime image in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.images.errors import BaseUnfit, DebianUnreachable, SystemPackageUnknown
from algo.project.manifest import FILE

if TYPE_CHECKING:
    from pathlib import Path

    from algo.errors import AlgoError
    from algo.images.recipe import RuntimeRecipe

_UNKNOWN = re.compile(
    r"E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate"
    r"|Couldn't find any package by (?:glob|regex) '([^']+)')"
)
# Without its lists apt knows no package at all, so this comes first.
_UNREACHABLE = re.compile(r"(?m)^(?:W|E): Failed to fetch (\S+)\s*(.*)$")
# Of a base without apt, without a shell, or without users.
_NO_APT = re.compile(
    r"apt-get: (?:command )?not found|/bin/sh\"?: (?:stat /bin/sh: )?no such file"
    r"|unable to find user root"
)
_DEBIAN = re.compile(r"(?:.*/)?debian:([a-z]+)(?:-.*)?")


def apt_problem(error: AlgoError, recipe: RuntimeRecipe) -> AlgoError | None:
    """Return what `error`, of a build of `recipe`, means where apt said it; None otherwise."""
    said = error.details
    unreachable = _UNREACHABLE.search(said)
    if unreachable:
        why = (unreachable[2] or unreachable[1]).rstrip(":")
        return DebianUnreachable(f"Debian's packages cannot be fetched: {why}", details=said)
    base = recipe.chosen[-1] if recipe.chosen else recipe.spec.base
    if _NO_APT.search(f"{error.message}\n{said}"):
        return BaseUnfit(f"{base} is no Debian: it has no apt-get")
    names = {next(filter(None, found)) for found in _UNKNOWN.findall(said)}
    unknown = [name for name in recipe.system_packages if name in names]
    if not unknown:
        return None
    debian = _DEBIAN.fullmatch(base)
    many, there = len(unknown) > 1, f"Debian {debian[1]}" if debian else f"the Debian of {base}"
    return SystemPackageUnknown(
        f"{'packages' if many else 'package'} {' and '.join(unknown)} "
        f"{'are' if many else 'is'} not in {there}",
        hint=f'docker run --rm {base} sh -c "apt-get -qq update && '
        f'apt-cache search {_part(unknown[0])}" lists names like it; correct algo.toml',
    )


def with_line(error: SystemPackageUnknown, root: Path) -> SystemPackageUnknown:
    """Return `error` with the line of the `algo.toml` in `root` that names the first package."""
    name = error.message.split()[1]
    lines = (root / FILE).read_text(encoding="utf-8").splitlines()
    quoted = (f'"{name}"', f"'{name}'")
    for number, line in enumerate(lines, 1):
        if any(one in line for one in quoted):
            return SystemPackageUnknown(f"{FILE}:{number}: {error.message}", hint=error.hint)
    return error


def _part(name: str) -> str:
    """Return the beginning of a misspelt name, which is more often right than its end."""
    return name[: max(3, len(name) - 3)]
