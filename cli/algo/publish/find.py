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
        raise NotFound(f"{repository.place} has no version {tag}", repository=repository.place)
    return Asked(reference.name, tag, digest)


def versions_of(registry: ReadableRegistry, repository: str) -> list[Version]:
    """Return the versions of a name, the newest first; tags that are none are left out."""
    return versions_in(registry.tags(repository))[::-1]


def _highest(repository: RegistryRepository, wanted: str) -> Version:
    versions = versions_of(repository.registry, repository.name)
    highest = Range.parse(wanted or "latest").highest(versions)
    if highest is None:
        what = f"no version that fits {wanted}" if versions and wanted else "no version"
        raise NotFound(f"{repository.place} has {what}", repository=repository.place)
    return highest
