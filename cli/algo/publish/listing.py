"""The versions of a name, the newest first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.publish.find import find, nothing, versions_of
from algo.publish.repository import RegistryRepository
from algo.trust.errors import VersionYanked
from algo.trust.yanks import yanked
from algo.values import Value
from algo.versions.ranges import Range

if TYPE_CHECKING:
    from algo.oci.reference import Reference
    from algo.registry.interface import Registry
    from algo.trust.policy import Policy
    from algo.versions.version import Version

# A registry far away answers no request faster, but several in the same time.
_AT_ONCE = 8


class ListedVersion(Value, frozen=True):
    """A version, the digest of its index, and why its publisher took it back, or nothing."""

    version: str
    digest: str
    latest: bool
    yanked: str = ""


class Listing(Value, frozen=True):
    """The versions of `name` in one place."""

    name: str
    place: str
    versions: tuple[ListedVersion, ...]


def list_versions(reference: Reference, registry: Registry, policy: Policy) -> Listing:
    """Return the versions of a name that fit what `reference` says of them, the newest first.

    The latest is the newest that no key of `policy` took back.

    Raises:
        NotFound: The registry has none.
        BadVersion: It says something else than a version or a range.
    """
    repository = RegistryRepository(registry, reference.repository)
    versions = versions_of(registry, reference.repository)
    wanted = Range.parse(reference.tag)
    fitting = [one for one in versions if not reference.tag or wanted.contains(one)]
    if not fitting:
        raise nothing(repository, f"has no version that fits {reference.tag}")
    latest = _latest(repository, reference, policy)

    def listed(version: Version) -> ListedVersion:
        digest = repository.resolve(str(version))
        yank = yanked(repository, digest, policy, reference.name) if digest else None
        why = yank.reason if yank else ""
        return ListedVersion(str(version), str(digest or ""), str(version) == latest, why)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return Listing(reference.name, repository.place, tuple(pool.map(listed, fitting)))


def _latest(repository: RegistryRepository, reference: Reference, policy: Policy) -> str:
    """Return the version that a name alone means, empty where all were taken back."""
    try:
        return find(repository, replace(reference, tag="", digest=None), policy).version
    except VersionYanked:
        return ""
