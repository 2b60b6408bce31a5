"""A remote registry, by the OCI distribution specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.errors import BadDigest
from algo.oci.manifest import media_type_of
from algo.oci.media_types import INDEXES, MANIFEST, MANIFESTS
from algo.registry.documents import (
    describe,
    digest_in,
    read_head,
    same_content,
    verified,
    versions_among,
)
from algo.registry.download import Downloader
from algo.registry.errors import (
    BlobCorrupted,
    NotFound,
    RegistryRefused,
    VersionExists,
)
from algo.registry.referrers import PAGES, Referrers, next_page
from algo.registry.transport import Transport, pull, push
from algo.registry.upload import UPLOAD_CHUNK, Uploader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from algo.events import Notify
    from algo.registry.documents import Head
    from algo.registry.interface import How, Source, Transfer
    from algo.registry.kept import Uploads
    from algo.registry.partial import Downloads

_ACCEPT = {"Accept": ", ".join(sorted(INDEXES | MANIFESTS))}
_FOUND = frozenset({200, 404})
# Of a manifest that is remembered, and how many are.
_SMALL, _MOST = 1 << 20, 64
# How long another writer of the same tag is waited for: times our own writing, in seconds.
SETTLING, LEAST_PAUSE, MOST_PAUSE = 3.0, 0.05, 2.0


class _Tags(msgspec.Struct):
    tags: tuple[str, ...] | None = None


class HttpRegistry:
    """A registry that is reached over HTTP.

    Args:
        transport: Sends the requests.
        chunk: The bytes of the largest request of an upload.
        uploads: Where uploads under way are written down, for the next process to go on.
        downloads: Where the starts of large blobs are kept until all of them is there.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        chunk: int = UPLOAD_CHUNK,
        uploads: Uploads | None = None,
        downloads: Downloads | None = None,
    ) -> None:
        self._transport = transport
        self._downloader = Downloader(transport, downloads)
        self._uploader = Uploader(transport, chunk, uploads)
        self._referrers = Referrers(transport)
        # Manifests that were asked for by digest: verifying and copying ask for the same ones.
        self._known: dict[tuple[str, Digest], tuple[bytes, Descriptor]] = {}

    @property
    def address(self) -> str:
        """The `host[:port]`."""
        return self._transport.host

    def interrupt(self) -> None:
        """See Interruptible."""
        self._transport.wire.stop()

    def check(self) -> None:
        """Ask for nothing but an answer.

        Raises:
            RegistryUnreachable: There is none.
            Unauthorized: The credentials are refused, or missing.
        """
        self._transport.ask("GET", "/v2/", "", expect=frozenset({200}))

    def resolve(self, repository: str, tag_or_digest: str) -> Descriptor | None:
        """See Registry."""
        wanted = digest_in(tag_or_digest)
        answer = self._transport.ask(
            "HEAD",
            _manifest(repository, tag_or_digest),
            pull(repository),
            headers=_ACCEPT,
            expect=_FOUND,
        )
        if answer.status == 404:
            return None
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        size = answer.headers.get("content-length", "")
        try:
            digest = wanted or Digest.parse(answer.headers.get("docker-content-digest", ""))
        except BadDigest:
            digest = None
        if digest is None or media_type not in INDEXES | MANIFESTS or not size.isdigit():
            # Not every server says these in its answer to HEAD.
            return self.get_manifest(repository, tag_or_digest)[1]
        return Descriptor(media_type, digest, int(size))

    def get_manifest(self, repository: str, tag_or_digest: str) -> tuple[bytes, Descriptor]:
        """See Registry."""
        wanted = digest_in(tag_or_digest)
        if wanted and (repository, wanted) in self._known:
            return self._known[repository, wanted]
        answer = self._transport.ask(
            "GET",
            _manifest(repository, tag_or_digest),
            pull(repository),
            headers=_ACCEPT,
            expect=_FOUND,
        )
        if answer.status == 404:
            raise NotFound(
                f"{self.address} has no {tag_or_digest} of {repository}", repository=repository
            )
        data = answer.body
        digest = wanted or Digest.of(data)
        where = f"{self.address}/{repository}"
        said = answer.headers.get("docker-content-digest", "")
        if not same_content(said, digest):
            raise BlobCorrupted.of(digest, where, f"the registry says it sends {said}")
        media_type = media_type_of(verified(data, digest, where))
        found = data, describe(data, media_type)
        if wanted and len(data) <= _SMALL and len(self._known) < _MOST:
            self._known[repository, wanted] = found
        return found

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """See Registry."""
        return self._uploader.has(repository, digest)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """See Registry."""
        return self._downloader.open(repository, descriptor)

    def fetch_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes] | None:
        """Return the pieces of a blob once all of it has come and was compared with its digest.

        `None` when there is no place to keep it meanwhile.

        Raises:
            NotFound: The repository has no such blob.
            BlobCorrupted: It is another one.
        """
        return self._downloader.fetch(repository, descriptor)

    def push_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        source: Source,
        *,
        mount_from: str = "",
        notify: Notify,
    ) -> Transfer:
        """See Registry."""
        return self._uploader.push(repository, descriptor, source, mount_from, notify)

    def foresee(
        self, repository: str, descriptor: Descriptor, source: Source, *, mount_from: str = ""
    ) -> How:
        """See Registry."""
        if self.has_blob(repository, descriptor.digest):
            return "reused"
        there = bool(mount_from) and self.has_blob(mount_from, descriptor.digest)
        return "mounted" if there else "sent"

    def push_manifest(
        self, repository: str, data: bytes, media_type: str, *, tag: str = ""
    ) -> Descriptor:
        """See Registry."""
        head, subject_header = self._put(repository, data, media_type, tag)
        if head.subject is not None:
            self._referrers.note(repository, head.subject, [head.descriptor], subject_header)
        return describe(data, media_type)

    def attach(self, repository: str, manifests: Sequence[bytes]) -> None:
        """See Registry."""
        to_list: dict[Digest, list[Descriptor]] = {}
        for data in manifests:
            head, subject_header = self._put(repository, data, MANIFEST, "")
            assert head.subject is not None
            if subject_header:
                self._referrers.note(repository, head.subject, [], subject_header)
            else:
                to_list.setdefault(head.subject, []).append(head.descriptor)
        for subject, referrers in to_list.items():
            self._referrers.note(repository, subject, referrers, "")

    def _put(self, repository: str, data: bytes, media_type: str, tag: str) -> tuple[Head, str]:
        """Write a manifest; return what it says of itself, and the answer's `OCI-Subject`."""
        head = read_head(data, media_type)
        descriptor = describe(data, media_type)
        answer = self._transport.ask(
            "PUT",
            _manifest(repository, tag or str(descriptor.digest)),
            push(repository),
            headers={"Content-Type": media_type},
            body=data,
            expect=frozenset({200, 201, 202}),
        )
        said = answer.headers.get("docker-content-digest", "")
        if not same_content(said, descriptor.digest):
            where = f"{self.address}/{repository}"
            raise BlobCorrupted.of(descriptor.digest, where, f"the registry stored {said}")
        return head, answer.headers.get("oci-subject", "")

    def tag(self, repository: str, tag: str, data: bytes, media_type: str) -> Descriptor:
        """See Registry."""
        patience = self._transport.patience
        began = patience.clock()
        if self.resolve(repository, tag) is not None:
            raise VersionExists(f"{self.address}/{repository}:{tag} is published already")
        written = self.push_manifest(repository, data, media_type, tag=tag)
        self._check_tag(repository, tag, written.digest)
        # No registry writes a tag only if it is new. Whoever looked before we wrote writes about as
        # long after that as we did: a second look tells us of him, and his own tells him of nobody.
        patience.sleep(min(max(SETTLING * (patience.clock() - began), LEAST_PAUSE), MOST_PAUSE))
        self._check_tag(repository, tag, written.digest)
        return written

    def _check_tag(self, repository: str, tag: str, digest: Digest) -> None:
        found = self.resolve(repository, tag)
        if found is None or found.digest != digest:
            now = found.digest if found else "nothing"
            raise VersionExists(
                f"somebody else published {self.address}/{repository}:{tag} at the same moment: "
                f"it is {now}, and not our {digest}"
            )

    def tags(self, repository: str) -> list[str]:
        """See Registry."""
        location = f"/v2/{repository}/tags/list"
        found: list[str] = []
        for _ in range(PAGES):
            answer = self._transport.ask("GET", location, pull(repository), expect=_FOUND)
            if answer.status == 404:
                break
            try:
                found += msgspec.json.decode(answer.body, type=_Tags).tags or ()
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise RegistryRefused(f"{self.address} gives no list of tags: {error}") from error
            location = next_page(answer.headers.get("link", ""))
            if not location:
                break
        return versions_among(found)

    def names(self) -> list[str]:
        """See Registry: its catalogue is long, and seldom for everybody."""
        return []

    def referrers(self, repository: str, subject: Digest) -> list[Descriptor]:
        """See Registry."""
        return self._referrers.listed(repository, subject)


def _manifest(repository: str, tag_or_digest: str) -> str:
    return f"/v2/{repository}/manifests/{tag_or_digest}"
