"""What the rest of algo asks of a registry: the embedded store or a remote one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from algo.values import Value

if TYPE_CHECKING:
    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest

How = Literal["reused", "mounted", "sent"]
Source = Path | bytes | Callable[[], Iterator[bytes]]
"""Where a blob's bytes are: a file, the bytes, or a function that gives them from the start."""


class Transfer(Value, frozen=True):
    """How a blob came to be in a repository; sizes in bytes.

    `reused`: the repository had it. `mounted`: the registry had it elsewhere, and only its
    name went over the wire (the embedded store: a hard link). `sent`: its bytes were written.
    """

    digest: Digest
    size: int
    how: How
    bytes_sent: int


class ReadableRegistry(Protocol):
    """Where manifests, blobs and tags can be read by repository (`owner/name`).

    Every method may raise RegistryUnreachable, Unauthorized or Forbidden. What comes in is
    verified against its digest; what differs raises BlobCorrupted.
    """

    @property
    def address(self) -> str:
        """The `host[:port]` of the registry; empty for the embedded store."""

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """Return what a tag or `sha256:…` stands for, `None` when there is no such thing."""

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """Return a manifest or index and its descriptor, verified.

        Raises:
            NotFound: The repository has none.
            BlobCorrupted: The bytes are not the digest's.
            BadDocument: It is larger than 4 MiB.
        """

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Say whether the repository has the blob."""

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; use none of them before the last one has come.

        Raises:
            NotFound: The repository has no such blob.
            BlobCorrupted: Size or digest differ; raised in place of the end.
        """

    def tags(self, repository: str) -> list[str]:
        """Return the tags, sorted as text, without the fallback tags of referrers.

        An unknown repository has none.
        """

    def names(self) -> list[str]:
        """Return the repositories, sorted; none where a registry would have to be asked."""

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """Return the manifests that name `subject` as theirs, sorted by digest.

        `artifact_type` is a hint: registries fill it differently.
        """


class Registry(ReadableRegistry, Protocol):
    """One that can be written, too."""

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        """Bring a blob into the repository, if it isn't there.

        Args:
            repository: Where it goes.
            descriptor: Its digest and size, which `source` must have.
            source: Where its bytes are; not touched when the registry has the blob.
            mount_from: Another repository of the registry which may have it.
            notify: Takes `Progress` in bytes.

        Raises:
            BlobCorrupted: `source` gives other bytes than the descriptor says.
            DiskFull: The embedded store's disk is full.
        """

    def foresee(
        self, repository: str, descriptor: Descriptor, source: Source, *, mount_from: str = ""
    ) -> How:
        """Say how `push_blob` of the same would bring the blob there; nothing is written."""

    def push_manifest(
        self, repository: str, data: bytes, media_type: str, *, tag: str = ""
    ) -> Descriptor:
        """Write a manifest or index by its digest, and by `tag` when given (which moves it).

        One with a subject is listed by `referrers` of that subject afterwards, on registries
        without the Referrers API by their fallback tag.
        """

    def attach(self, repository: str, manifests: Sequence[bytes]) -> None:
        """Write image manifests that have a subject, as `push_manifest` does one after the other.

        Registries without the Referrers API have a list for each subject, which is written once.
        """

    def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Descriptor:
        """Write a manifest or index under a tag that is new, and read it back.

        Raises:
            VersionExists: The tag is taken, by whatever content.
            BlobCorrupted: What was read back is other content.
        """


@runtime_checkable
class Interruptible(Protocol):
    """A registry whose methods may wait for somebody else in other threads."""

    def interrupt(self) -> None:
        """Make what is under way fail at once, and whatever comes after: the process ends."""
