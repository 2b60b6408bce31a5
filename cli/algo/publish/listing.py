"""The versions of a name, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.publish.find import versions_of
from algo.registry.errors import NotFound

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
    """Return the versions of a name, the newest first.

    Raises:
        NotFound: The registry has none.
    """
    place = f"{registry.address}/{reference.repository}".lstrip("/")
    versions = versions_of(registry, reference.repository)
    if not versions:
        where = f"{registry.address} has" if registry.address else "the embedded store has"
        error = NotFound(f"{where} no version of {reference.repository}", repository=place)
        error.hint = "algo publish"
        raise error
    releases = [version for version in versions if not version.pre] or versions
    listed = []
    for version in versions:
        found = registry.resolve(reference.repository, str(version))
        digest = str(found.digest) if found else ""
        listed.append(ListedVersion(str(version), digest, version == releases[0]))
    return Listing(reference.name, place, tuple(listed))
