"""Hashes that a file of requirements names: what is locked is one of those, or nothing is."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from algo.environments.errors import HashMismatch, RequirementInvalid
from algo.environments.requirements import lines_of
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from algo.environments.requirements import Line, Source
    from algo.project.lock import Pin, Target

_HASH = re.compile(r"--hash[=\s]+(\w+):(\S+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CONSTRAINTS = re.compile(r"(?:-c|--constraint)[\s=]+(\S+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Named(Value, frozen=True):
    """The hashes that one requirement names, none where it names none."""

    place: str
    package: str
    hashes: frozenset[str]


def named_hashes(sources: Iterable[Source]) -> tuple[Named, ...]:
    """Return the requirements that name hashes: uv reads past them when it resolves.

    Raises:
        RequirementInvalid: A hash is none that a lock can hold, or `--require-hashes` stands in a
            file and a requirement has none.
    """
    found: list[Named] = []
    for source in sources:
        lines = list(_joined(lines_of(source)))
        constraints = {
            line.path.parent / match[1]
            for line in lines
            if (match := _CONSTRAINTS.match(line.text))
        }
        ours = [(line, _named(line)) for line in lines if _NAME.match(line.text)]
        hashed = {one.package for _, one in ours if one.hashes}
        if any(line.text == "--require-hashes" for line in lines):
            for line, one in ours:
                if one.package not in hashed and line.path not in constraints:
                    raise RequirementInvalid(
                        f"{one.place}: {line.text!r} has no hash, and --require-hashes wants one",
                        hint=f"add --hash=sha256:… to {one.place}, or take --require-hashes out "
                        "(algo.lock has hashes in any case), then: algo lock",
                    )
        found += [one for _, one in ours if one.hashes]
    return tuple(found)


def keep_to(named: Sequence[Named], pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """Return `pins` with the hashes alone that their requirements name, where these name any.

    Raises:
        HashMismatch: No file of the index has one of them.
    """
    kept = []
    for pin in pins:
        said = [one for one in named if one.package == pin.name]
        wanted = frozenset[str]().union(*(one.hashes for one in said))
        both = tuple(one for one in pin.hashes if one in wanted)
        if said and not both:
            places = " and ".join(dict.fromkeys(one.place for one in said))
            raise HashMismatch(
                f"{places}: no file of {pin.name} {pin.version} has a hash that is named there",
                details="\n".join(["the index has:", *pin.hashes]),
                hint="do not install it before you know which is right; then correct the hash in "
                f"{places}, and: algo lock",
            )
        kept.append(replace(pin, hashes=both) if said else pin)
    return tuple(kept)


def unfit(
    named: Sequence[Named], pins: Iterable[Pin], fitting: Iterable[Pin], target: Target
) -> Iterator[HashMismatch]:
    """Yield what is wrong with the hashes of `pins` that are of files for other platforms alone.

    Args:
        named: What requirements name.
        pins: With these hashes alone.
        fitting: The same with the hashes of the files for `target`.
        target: What they are installed on.
    """
    fits = {(pin.name, pin.version): pin.hashes for pin in fitting}
    for pin in pins:
        places = " and ".join(dict.fromkeys(one.place for one in named if one.package == pin.name))
        there = fits.get((pin.name, pin.version), ())
        if places and there and not set(there) & set(pin.hashes):
            yield HashMismatch(
                f"{places}: no hash that is named there is of a file of {pin.name} {pin.version} "
                f"for {target.platform} with {target.named}",
                details="\n".join([f"the files for {target.platform} have:", *there]),
                hint=f"add one of these that you know to be right to {places}, then: algo lock",
            )


def _joined(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines with those that a backslash continues in one."""
    begun: Line | None = None
    for line in lines:
        whole = line if begun is None else structs.replace(begun, text=f"{begun.text} {line.text}")
        if whole.text.endswith("\\"):
            begun = structs.replace(whole, text=whole.text[:-1].rstrip())
            continue
        begun = None
        yield whole
    if begun is not None:
        yield begun


def _named(line: Line) -> Named:
    place = f"{line.path.name}:{line.number}" if line.number else line.path.name
    name = _NAME.match(line.text)
    package = re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
    said = _HASH.findall(line.text)
    hashes = frozenset(
        f"sha256:{digest.lower()}"
        for kind, digest in said
        if kind == "sha256" and _SHA256.fullmatch(digest.lower())
    )
    if said and not hashes:
        kind, digest = said[0]
        raise RequirementInvalid(
            f"{place}: {kind}:{digest[:12]}… is no SHA-256, and a lock holds no other hash",
            hint=f"name its SHA-256 (python3 -m pip hash FILE) in {place}, then: algo lock",
        )
    return Named(place, package, hashes)
