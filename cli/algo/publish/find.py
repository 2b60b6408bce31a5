"""From what the user wrote to the digest that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.registry.errors import NotFound
from algo.trust.verify import Asked
from algo.versions.ranges import Range
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from algo.oci.reference import Reference
    from algo.publish.repository import RegistryRepository
    from algo.registry.interface import ReadableRegistry
    from algo.versions.version import Version


SHOWN = 5


def find(repository: RegistryRepository, reference: Reference) -> Asked:
    """Return the version that `reference` means: by digest, exact, a range, or the latest.

    Raises:
        NotFound: There is none.
    """
    if reference.digest is not None:
        exact = reference.tag if versions_in([reference.tag]) else ""
        return Asked(reference.name, exact, reference.digest)
    tag = reference.tag
    if not versions_in([tag]):
        tag = str(_highest(repository, tag))
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
            f"check the name; {other if remote else f'algo pull REGISTRY/{place} fetches it'}"
        )
        return error
    known = ", ".join(str(version) for version in versions[:SHOWN])
    more = ", …" if len(versions) > SHOWN else ""
    return NotFound(f"{place} {what}; it has {known}{more}", repository=place)


def _highest(repository: RegistryRepository, wanted: str) -> Version:
    asked = Range.parse(wanted or "latest")
    highest = asked.highest(versions_of(repository.registry, repository.name))
    if highest is None:
        raise nothing(repository, f"has no version that fits {wanted}")
    return highest
