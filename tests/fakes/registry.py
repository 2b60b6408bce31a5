"""A registry in memory that keeps the rules of the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algo.oci.media_types import MANIFEST
from algo.registry.documents import (
    describe,
    digest_in,
    read_head,
    verified,
    versions_among,
)
from algo.registry.errors import NotFound, VersionExists
from algo.registry.interface import How, Source, Transfer
from algo.registry.streams import chunks_of, verifying

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest


@dataclass(slots=True)
class Repository:
    """What a repository holds."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, tuple[bytes, str]] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryRegistry:
    """A registry whose contents a test can look at and spoil."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)

    def repository(self, name: str) -> Repository:
        """Return the repository, made when it is new."""
        return self.repositories.setdefault(name, Repository())

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        there = self.repository(repository)
        digest = digest_in(tag_or_digest) or there.tags.get(tag_or_digest)
        if digest is None or digest not in there.manifests:
            return None
        data, media_type = there.manifests[digest]
        return describe(data, media_type)

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        there = self.repository(repository)
        digest = digest_in(tag_or_digest) or there.tags.get(tag_or_digest)
        if digest is None or digest not in there.manifests:
            raise NotFound(f"there is no {tag_or_digest} of {repository}", repository=repository)
        data, media_type = there.manifests[digest]
        return verified(data, digest, repository), describe(data, media_type)

    def has_blob(self, repository: str, digest: Digest) -> bool:
        return digest in self.repository(repository).blobs

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        data = self.repository(repository).blobs.get(descriptor.digest)
        if data is None:
            raise NotFound(f"there is no blob {descriptor.digest}", repository=repository)
        return verifying([data], descriptor, repository)

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        digest, size = descriptor.digest, descriptor.size
        blobs = self.repository(repository).blobs
        if digest in blobs:
            return Transfer(digest, size, "reused", 0)
        if mount_from and self.has_blob(mount_from, digest):
            blobs[digest] = self.repository(mount_from).blobs[digest]
            return Transfer(digest, size, "mounted", 0)
        blobs[digest] = b"".join(verifying(chunks_of(source), descriptor, "the source"))
        return Transfer(digest, size, "sent", size)

    def foresee(
        self, repository: str, descriptor: Descriptor, source: Source, *, mount_from: str = ""
    ) -> How:
        if self.has_blob(repository, descriptor.digest):
            return "reused"
        there = bool(mount_from) and self.has_blob(mount_from, descriptor.digest)
        return "mounted" if there else "sent"

    def push_manifest(
        self, repository: str, data: bytes, media_type: str, *, tag: str = ""
    ) -> Descriptor:
        there = self.repository(repository)
        head = read_head(data, media_type)
        known = {*there.blobs, *there.manifests}
        for wanted in (*head.children, *head.blobs):
            if wanted.digest not in known:
                raise NotFound(f"{wanted.digest} is not there", repository=repository)
        there.manifests[head.descriptor.digest] = (data, media_type)
        if tag:
            there.tags[tag] = head.descriptor.digest
        return describe(data, media_type)

    def attach(self, repository: str, manifests: Sequence[bytes]) -> None:
        for data in manifests:
            self.push_manifest(repository, data, MANIFEST)

    def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Descriptor:
        if tag in self.repository(repository).tags:
            raise VersionExists(f"{repository}:{tag} is published already")
        return self.push_manifest(repository, data, media_type, tag=tag)

    def tags(self, repository: str) -> list[str]:
        return versions_among(self.repository(repository).tags)

    def names(self) -> list[str]:
        return sorted(name for name, one in self.repositories.items() if one.tags)

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        manifests = self.repository(repository).manifests
        heads = [read_head(data, media_type) for data, media_type in manifests.values()]
        found = [head.descriptor for head in heads if head.subject == subject]
        return sorted(found, key=lambda descriptor: descriptor.digest)
