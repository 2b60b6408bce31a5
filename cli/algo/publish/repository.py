"""One repository of a registry, as verification reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.registry.errors import NotFound
from algo.trust.errors import BlobMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.interface import ReadableRegistry


class RegistryRepository:
    """A `trust.interface.Repository` on a registry; what it has read once is not read again.

    Args:
        registry: The registry.
        name: The repository in it.
    """

    def __init__(self, registry: ReadableRegistry, name: str) -> None:
        self.registry = registry
        self.name = name
        self._manifests: dict[Digest, bytes] = {}
        self._referrers: dict[Digest, list[Descriptor]] = {}

    @property
    def place(self) -> str:
        """See Repository."""
        return f"{self.registry.address}/{self.name}" if self.registry.address else self.name

    def resolve(self, tag: str) -> Digest | None:
        """See Repository."""
        found = self.registry.resolve(self.name, tag)
        return found.digest if found else None

    def manifest(self, digest: Digest) -> bytes:
        """See Repository."""
        if digest not in self._manifests:
            try:
                self._manifests[digest] = self.registry.get_manifest(self.name, str(digest))[0]
            except NotFound as error:
                raise BlobMissing(error.message, hint=error.mend or None) from error
        return self._manifests[digest]

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """See Repository."""
        try:
            yield from self.registry.open_blob(self.name, descriptor)
        except NotFound as error:
            raise BlobMissing(error.message, hint=error.mend or None) from error

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """See Repository."""
        if subject not in self._referrers:
            self._referrers[subject] = self.registry.referrers(self.name, subject)
        return self._referrers[subject]
