"""The versions of a name, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.publish.find import nothing, versions_of
from algo.publish.repository import RegistryRepository
from algo.versions.ranges import Range

if TYPE_CHECKING:
    from algo.oci.reference import Reference
    from algo.registry.interface import Registry


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version and the digest of its index."""

    version: str
    digest: str
    latest: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """The versions of `name` in one place."""

    name: str
    place: str
    versions: tuple[ListedVersion, ...]


def list_versions(reference: Reference, registry: Registry) -> Listing:
    """Return the versions of a name that fit what `reference` says of them, the newest first.

    Raises:
        NotFound: The registry has none.
        BadVersion: It says something else than a version or a range.
    """
    repository = RegistryRepository(registry, reference.repository)
    versions = versions_of(registry, reference.repository)
    releases = [version for version in versions if not version.pre] or versions
    wanted = Range.parse(reference.tag)
    fitting = [one for one in versions if not reference.tag or wanted.contains(one)]
    if not fitting:
        raise nothing(repository, f"has no version that fits {reference.tag}")
    listed = []
    for version in fitting:
        found = registry.resolve(reference.repository, str(version))
        digest = str(found.digest) if found else ""
        listed.append(ListedVersion(str(version), digest, version == releases[0]))
    return Listing(reference.name, repository.place, tuple(listed))
