"""Decide whether a version is what its name says, and whether somebody we trust says so."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from msgspec import field

from algo.events import Progress, silent
from algo.oci import media_types
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageManifest, Index, decode, media_type_of
from algo.oci.reference import Reference
from algo.trust.errors import (
    BlobMissing,
    HistoryBroken,
    NotAVersion,
    PolicyRefused,
    ReleaseMismatch,
    TagMoved,
)
from algo.trust.evidence import Evidence, collect, require
from algo.trust.provenance import read_provenance
from algo.trust.statements import MODEL, PROVENANCE, RELEASE, SIGN, Release, read_release
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from algo.events import Notify
    from algo.oci.descriptor import Descriptor
    from algo.trust.interface import Repository
    from algo.trust.policy import Policy, TrustedKey
    from algo.trust.provenance import Provenance
    from algo.trust.statements import Statement

MAX_HISTORY = 100_000
# Two processors hash what one disk, or one connection, brings.
STREAMS = 3


class Asked(Value, frozen=True):
    """What somebody wants: `owner/name`, and a version unless it was asked for by digest."""

    name: str
    version: str
    digest: Digest


class VerifiedImage(Value, frozen=True):
    """An image of a version."""

    platform: str
    digest: Digest
    manifest: ImageManifest


class Verified(Value, frozen=True):
    """A version whose signatures, name and digests hold.

    Args:
        release: Its signed record.
        release_digest: The digest of that statement: what the next version names.
        digest: The digest of its index.
        images: Its images.
        signer: The key that signed the release; None when verification was skipped.
        documents: The lock and the contract, by media type.
        statements: What else its release names, by predicate type.
    """

    release: Release
    release_digest: Digest
    digest: Digest
    images: tuple[VerifiedImage, ...]
    signer: TrustedKey | None
    documents: dict[str, Descriptor]
    statements: dict[str, tuple[Statement, ...]] = field(default_factory=dict)

    @property
    def provenance(self) -> Provenance | None:
        """How it came to be, None when it says nothing of that.

        Raises:
            BadDocument: It is in a form that we do not write.
        """
        said = self.statements.get(PROVENANCE, ())
        return read_provenance(bytes(said[0].predicate)) if said else None

    def image(self, platform: str) -> VerifiedImage | None:
        """Return the image for `platform`, None when the version has none."""
        return next((image for image in self.images if image.platform == platform), None)


def verify(repository: Repository, asked: Asked, policy: Policy) -> Verified:
    """Verify signatures, name and digests of a version; of its blobs, only the small ones.

    Raises:
        NotAVersion: The digest is an image's, or something else's.
        SignatureMissing: The index or an image carries no signature, or there is no release.
        SignatureForeign: The signer is not trusted for this name.
        SignatureInvalid: A signature does not hold.
        KeyRevoked: The signer's key is revoked.
        TagMoved: It was released under another name or version.
        ReleaseMismatch: The release speaks of other images or documents.
        BlobMissing: A part is not there.
        PolicyRefused: It is signed, and not what the rules ask for.
    """
    what = f"{repository.place}@{asked.digest}"
    data = repository.manifest(asked.digest)
    if media_type_of(data) not in media_types.INDEXES:
        raise NotAVersion(f"{what} is no published version: it is not an image index")
    index = decode(data, Index)
    found = collect(repository, asked.digest, policy, asked.name)
    require(found, SIGN, asked.digest, what)
    releases = require(found, RELEASE, asked.digest, what)
    evidence, release = _released_as(releases, asked, what)
    images = tuple(_image(repository, item.value(), asked, policy) for item in index.manifests)
    said = {platform: text for platform, text in release.images.items()}
    if said != {image.platform: str(image.digest) for image in images}:
        raise ReleaseMismatch(f"the release manifest of {what} names other images")
    documents = find_documents(repository, release, asked.digest)
    for digest in filter(None, (release.lock, release.contract)):
        if digest not in {str(descriptor.digest) for descriptor in documents.values()}:
            raise BlobMissing(f"{what} lacks a document that belongs to it: {digest}")
    verified = Verified(
        release=release,
        release_digest=Digest.of(evidence.payload),
        digest=asked.digest,
        images=images,
        signer=evidence.signer,
        documents=documents,
        statements=_named(found, release, asked.digest, what),
    )
    host = Reference.parse(repository.place).host
    rule = policy.rules.of(host, asked.name)
    objection = rule.objection(verified.provenance, release.unsafe)
    if objection:
        raise PolicyRefused(f"{what} is not what trust.toml asks for: {objection}")
    return verified


def drain(descriptor: Descriptor, pieces: Iterator[bytes]) -> None:
    """Read a blob to its end, where it is compared with its digest."""
    for _ in pieces:
        pass


def check_blobs(
    repository: Repository,
    verified: Verified,
    read: Callable[[Descriptor, Iterator[bytes]], None] = drain,
    *,
    only: Collection[Digest] | None = None,
    notify: Notify = silent,
) -> int:
    """Read every blob of every image and document, a few at a time; return how many bytes.

    Args:
        repository: Where they are.
        verified: The version.
        read: Reads a blob to its end; called by several threads.
        only: Those of them that are to be read; all when it is not given.
        notify: Takes progress, from one thread at a time.

    Raises:
        BlobCorrupted: The registry's bytes are not their digest's.
        BlobMissing: A blob is not there.
    """
    wanted: dict[Digest, Descriptor] = {}
    for image in verified.images:
        for document in (image.manifest.config, *image.manifest.layers):
            wanted.setdefault(document.value().digest, document.value())
    for descriptor in verified.documents.values():
        wanted.setdefault(descriptor.digest, descriptor)
    if only is not None:
        wanted = {digest: blob for digest, blob in wanted.items() if digest in only}
    total = sum(descriptor.size for descriptor in wanted.values())
    lock, stopped, done = threading.Lock(), threading.Event(), 0

    def counted(descriptor: Descriptor) -> Iterator[bytes]:
        nonlocal done
        for chunk in repository.blob(descriptor):
            yield chunk
            if stopped.is_set():
                raise CancelledError
            with lock:
                done += len(chunk)
                notify(Progress("Verifying", done, total))

    largest = sorted(wanted.values(), key=lambda one: -one.size)
    with ThreadPoolExecutor(STREAMS, thread_name_prefix="verify") as pool:
        futures = [pool.submit(lambda one: read(one, counted(one)), blob) for blob in largest]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return total


class History(Value, frozen=True):
    """How many versions were followed back, and where the ones before them are, if not here."""

    count: int
    rest: str = ""


def check_history(
    repository: Repository,
    verified: Verified,
    policy: Policy,
    elsewhere: Callable[[str, Digest], str] = lambda version, digest: "",
) -> History:
    """Follow the release manifests back to the first version.

    Args:
        repository: Where the versions are.
        verified: The one to begin with.
        policy: The keys that are accepted.
        elsewhere: Names the place that a version of a digest was taken from, empty for none. The
            ones before it may be there alone.

    Raises:
        HistoryBroken: An earlier version is gone, or is not the one that was released after.
        SignatureMissing: As `verify`, for an earlier version; so the others.
    """
    count, release, here = 1, verified.release, verified.digest
    while release.previous is not None and count < MAX_HISTORY:
        earlier = _earlier(repository, release, policy)
        if isinstance(earlier, HistoryBroken):
            place = elsewhere(release.version, here)
            if not place:
                raise earlier
            return History(count, place)
        release, here = earlier
        count += 1
    return History(count)


def _earlier(
    repository: Repository, release: Release, policy: Policy
) -> tuple[Release, Digest] | HistoryBroken:
    """Return the version that `release` was released after, or why it is not here."""
    assert release.previous is not None
    version = release.previous.version
    digest = repository.resolve(version)
    if digest is None:
        return HistoryBroken(
            f"{release.name}:{release.version} was released after {version}, which is gone"
        )
    what = f"{repository.place}:{version}"
    found = collect(repository, digest, policy, release.name)
    same = [
        item
        for item in require(found, RELEASE, digest, what)
        if str(Digest.of(item.payload)) == release.previous.release
    ]
    if not same:
        return HistoryBroken(f"{what} is not the version that {release.version} was released after")
    return _released_as(same, Asked(release.name, version, digest), what)[1], digest


def find_documents(
    repository: Repository, release: Release, index: Digest
) -> dict[str, Descriptor]:
    """Return what is attached to `index` of the lock and the contract that `release` names."""
    named = {media_types.LOCK: release.lock, media_types.CONTRACT: release.contract}
    found: dict[str, Descriptor] = {}
    for referrer in repository.referrers(index) if any(named.values()) else ():
        try:
            manifest = decode(repository.manifest(referrer.digest), ImageManifest)
            layers = [layer.value() for layer in manifest.layers]
        except (BadDocument, BlobMissing):
            continue
        for layer in layers:
            if named.get(layer.media_type) == str(layer.digest):
                found[layer.media_type] = layer
    return found


def _named(
    found: Sequence[Evidence], release: Release, index: Digest, what: str
) -> dict[str, tuple[Statement, ...]]:
    """Return the other statements that belong to a release: signed, all of them, of `index`."""
    by_digest = {str(Digest.of(item.payload)): item for item in found}
    named: dict[str, tuple[Statement, ...]] = {}
    for kind, digests in release.statements.items():
        belonging = []
        for digest in digests:
            item = by_digest.get(digest)
            if item is None:
                raise BlobMissing(f"{what} lacks a statement that belongs to it: {kind}")
            statement = item.statement
            # That of a model speaks of its files, so that it is good for them anywhere.
            of_it = kind == MODEL or statement.speaks_of(index)
            if statement.predicate_type != kind or not of_it:
                raise ReleaseMismatch(f"the release of {what} names another statement as {kind}")
            belonging.append(item.statement)
        named[kind] = tuple(belonging)
    return named


def _released_as(
    releases: tuple[Evidence, ...] | list[Evidence], asked: Asked, what: str
) -> tuple[Evidence, Release]:
    """Return the release that says what was asked for."""
    read: list[tuple[Evidence, Release]] = []
    for evidence in releases:
        try:
            read.append((evidence, read_release(evidence.statement)))
        except BadDocument:
            continue
    # Where a publish was cut off and done again, the later release is that of the version.
    for evidence, release in sorted(read, key=lambda one: one[1].published, reverse=True):
        if release.name == asked.name and asked.version in ("", release.version):
            return evidence, release
    if not read:
        raise ReleaseMismatch(f"the release manifest of {what} cannot be read")
    release = read[0][1]
    wanted = f"{asked.name}:{asked.version}" if asked.version else asked.name
    raise TagMoved(f"{wanted} leads to what was released as {release.name}:{release.version}")


def _image(
    repository: Repository, descriptor: Descriptor, asked: Asked, policy: Policy
) -> VerifiedImage:
    what = f"{repository.place}@{descriptor.digest}"
    data = repository.manifest(descriptor.digest)
    if len(data) != descriptor.size or descriptor.platform is None:
        raise ReleaseMismatch(f"the index describes {what} wrongly")
    require(collect(repository, descriptor.digest, policy, asked.name), SIGN, descriptor.digest,
            what)  # fmt: skip
    manifest = decode(data, ImageManifest)
    return VerifiedImage(str(descriptor.platform), descriptor.digest, manifest)
