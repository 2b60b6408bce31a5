"""Whole versions from one registry to another: blobs, manifests, referrers, then the tag."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from algo.events import Step, Warned
from algo.oci.errors import BadDocument
from algo.registry.documents import Head, read_head
from algo.registry.errors import NotFound
from algo.registry.sending import Outgoing, push_blobs
from algo.values import Value

if TYPE_CHECKING:
    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.interface import ReadableRegistry, Registry, Transfer

DEEPEST = 8
MOST_MANIFESTS = 10_000
MOST_BYTES = 32 << 20


class CopiedVersion(Value, frozen=True):
    """What was copied: the version, what refers to it, and how each blob got there."""

    descriptor: Descriptor
    referrers: tuple[Descriptor, ...]
    transfers: tuple[Transfer, ...]

    @property
    def bytes_sent(self) -> int:
        """The bytes that had to be sent."""
        return sum(transfer.bytes_sent for transfer in self.transfers)


def copy_version(
    source: ReadableRegistry,
    source_repository: str,
    tag_or_digest: str,
    target: Registry,
    target_repository: str,
    *,
    tag: str = "",
    notify: Notify,
) -> CopiedVersion:
    """Copy a version with everything it names and all that refers to it.

    The tag is written last: a copy that fails leaves no version in the target.

    Args:
        source: Where it is.
        source_repository: Its repository there.
        tag_or_digest: Which version.
        target: Where it goes.
        target_repository: Its repository there.
        tag: The tag in the target; it must be new. Without one the version has its digest only.
        notify: Takes progress.

    Raises:
        NotFound: The source lacks the version, or a part of it.
        BlobCorrupted: A part is not what its digest says.
        BadDocument: The version is nested too deep, or has too many parts.
        VersionExists: The target has the tag.
    """
    whole = gather(source, source_repository, tag_or_digest, notify=notify)
    notify(Step(f"Copying {source_repository}@{whole.descriptor.digest.short}"))
    outgoing = (
        Outgoing(blob, partial(source.open_blob, source_repository, blob)) for blob in whole.blobs
    )
    transfers = push_blobs(target, target_repository, outgoing, source=source, notify=notify)
    for manifest in whole.manifests:
        kind = manifest.head.descriptor.media_type
        target.push_manifest(target_repository, manifest.data, kind)
    if tag:
        target.tag(target_repository, tag, whole.data, whole.descriptor.media_type)
    referrers = tuple(m.head.descriptor for m in whole.manifests if m.head.subject)
    return CopiedVersion(whole.descriptor, referrers, transfers)


class Document(Value, frozen=True):
    """A manifest or index, and what it says of itself."""

    data: bytes
    head: Head


class Whole(Value, frozen=True):
    """A version with all that it names and all that refers to it.

    Args:
        descriptor: The version's index.
        data: Its bytes.
        manifests: All of them in an order in which they can be pushed.
        blobs: Each once.
    """

    descriptor: Descriptor
    data: bytes
    manifests: tuple[Document, ...]
    blobs: tuple[Descriptor, ...]


def gather(
    source: ReadableRegistry, repository: str, tag_or_digest: str, *, notify: Notify
) -> Whole:
    """Return what a version consists of; of its blobs, only their descriptors.

    Raises:
        NotFound: The source lacks the version, or a part of it.
        BadDocument: The version is nested too deep, or has too many parts.
    """
    data, descriptor = source.get_manifest(repository, tag_or_digest)
    found = _Found(source, repository, notify)
    found.add(read_head(data, descriptor.media_type), data, 0)
    return Whole(descriptor, data, tuple(found.manifests), tuple(found.blobs.values()))


class _Found:
    """What a version consists of; manifests in the order in which they can be pushed."""

    def __init__(self, source: ReadableRegistry, repository: str, notify: Notify) -> None:
        self._source = source
        self._repository = repository
        self._notify = notify
        self._seen: set[Digest] = set()
        self._bytes = 0
        self.manifests: list[Document] = []
        self.blobs: dict[Digest, Descriptor] = {}

    def add(self, head: Head, data: bytes, depth: int) -> None:
        """Add a manifest after what it names, and before what refers to it."""
        if head.descriptor.digest in self._seen:
            return
        self._seen.add(head.descriptor.digest)
        self._bytes += len(data)
        much = len(self._seen) > MOST_MANIFESTS or self._bytes > MOST_BYTES
        if depth > DEEPEST or much:
            raise BadDocument(f"{self._repository}@{head.descriptor.digest} has too many parts")
        for blob in head.blobs:
            self.blobs.setdefault(blob.digest, blob)
        for child in head.children:
            self._fetch(child, depth)
        self.manifests.append(Document(data, head))
        for referrer in self._source.referrers(self._repository, head.descriptor.digest):
            self._try(referrer, depth)

    def _fetch(self, descriptor: Descriptor, depth: int) -> None:
        data, found = self._source.get_manifest(self._repository, str(descriptor.digest))
        self.add(read_head(data, found.media_type), data, depth + 1)

    def _try(self, referrer: Descriptor, depth: int) -> None:
        """Add a referrer; a list may name one that is gone, or of a kind nobody uses any more."""
        try:
            self._fetch(referrer, depth)
        except (NotFound, BadDocument) as error:
            self._notify(Warned(f"{referrer.digest.short} is not copied: {error.message}"))
