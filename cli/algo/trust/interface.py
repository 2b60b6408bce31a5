"""What verification reads: one repository of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest


class Repository(Protocol):
    """One repository. Content that is not its digest's is refused by every method."""

    @property
    def place(self) -> str:
        """How people call it: `registry.example.com/acme/digits`."""

    def resolve(self, tag: str) -> Digest | None:
        """Return what a tag leads to, None when there is no such tag."""

    def manifest(self, digest: Digest) -> bytes:
        """Return a manifest or index.

        Raises:
            BlobMissing: It is not there.
        """

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; none of them counts before the last one has come.

        Raises:
            BlobMissing: It is not there.
        """

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return what is attached to `subject`, of any type."""
