"""From what the user wrote to the digest that it means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from algo.registry.errors import NotFound
from algo.trust.errors import VersionYanked
from algo.trust.verify import Asked
from algo.trust.yanks import yanked
from algo.versions.ranges import LATEST, Range
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from algo.oci.reference import Reference
    from algo.publish.repository import RegistryRepository
    from algo.registry.interface import ReadableRegistry
    from algo.trust.policy import Policy
    from algo.versions.version import Version


SHOWN = 5


def find(repository: RegistryRepository, reference: Reference, policy: Policy) -> Asked:
    """Return the version that `reference` means: by digest, exact, a range, or the latest.

    A range and the latest pass over versions that a key of `policy` yanked.

    Raises:
        NotFound: There is none.
        VersionYanked: All that fit are yanked.
    """
    if reference.digest is not None:
        exact = reference.tag if versions_in([reference.tag]) else ""
        return Asked(reference.name, exact, reference.digest)
    tag = reference.tag
    if not versions_in([tag]):
        return _highest(repository, reference, policy)
    digest = repository.resolve(tag)
    if digest is None:
        raise nothing(repository, f"has no version {tag}")
    return Asked(reference.name, tag, digest)


def versions_of(registry: ReadableRegistry, repository: str) -> list[Version]:
    """Return the versions of a name, the newest first; tags that are none are left out."""
    return versions_in(registry.tags(repository))[::-1]


def nothing(repository: RegistryRepository, what: str) -> NotFound:
    """Return the error for a version that is not there, with those that are."""
    place = repository.place
    versions = versions_of(repository.registry, repository.name)
    if not versions:
        remote = bool(repository.registry.address)
        where = place if remote else f"the embedded store's {place}"
        error = NotFound(f"{where} has no version", repository=place)
        other = f"algo publish --to {place} in its project makes one"
        error.hint = (
            f"{_nearest(repository)}{other if remote else f'algo pull REGISTRY/{place} fetches it'}"
        )
        return error
    known = ", ".join(str(version) for version in versions[:SHOWN])
    more = ", …" if len(versions) > SHOWN else ""
    return NotFound(f"{place} {what}; it has {known}{more}", repository=place)


def _nearest(repository: RegistryRepository) -> str:
    names = repository.registry.names()
    if repository.name in names:
        return ""  # what was fetched by its digest alone has a name and no version
    # The owner, which many names have, is no likeness.
    near = difflib.get_close_matches(repository.name, names, n=1, cutoff=0.75)
    return f"did you mean {near[0]}? " if near else "check the name; "


def _highest(repository: RegistryRepository, reference: Reference, policy: Policy) -> Asked:
    text = reference.tag or LATEST
    wanted, left = Range.parse(text), versions_of(repository.registry, repository.name)
    if text == LATEST:
        # A pre-release is the latest of a name without releases, not of one whose are yanked.
        left = [version for version in left if not version.pre] or left
    passed: list[str] = []
    while (highest := wanted.highest(left)) is not None:
        left.remove(highest)
        digest = repository.resolve(str(highest))
        if digest is None:
            continue
        yank = yanked(repository, digest, policy, reference.name)
        if yank is None:
            return Asked(reference.name, str(highest), digest)
        passed.append(f"{highest}: {yank.reason}")
    if not passed:
        raise nothing(repository, f"has no version that fits {text}")
    raise VersionYanked(
        f"every version of {repository.place} that fits {text} is yanked; {passed[0]}",
        hint=f"algo versions {repository.place}",
    )
