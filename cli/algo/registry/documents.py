"""Manifests as a registry sees them: their descriptor, their subject, their fallback tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.errors import BadDigest, BadDocument
from algo.oci.manifest import MAX_MANIFEST, ImageManifest, Index, decode
from algo.oci.media_types import INDEXES, MANIFESTS
from algo.registry.errors import BlobCorrupted
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

# distribution-spec, "Referrers Tag Schema"; the suffixes are cosign's.
_FALLBACK = re.compile(r"sha256-[0-9a-f]{64}(\.(sig|att|sbom))?")


class Head(Value, frozen=True):
    """What a registry needs to know of a manifest."""

    descriptor: Descriptor
    subject: Digest | None
    children: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]


def read_head(data: bytes, media_type: str) -> Head:
    """Read a manifest or index.

    `descriptor` has the artifact type and annotations as a referrers list gives them,
    `children` are an index's manifests, `blobs` an image's config and layers.

    Raises:
        BadDocument: It is not what `media_type` says, or `media_type` is neither.
    """
    children: tuple[Descriptor, ...] = ()
    blobs: tuple[Descriptor, ...] = ()
    document: Index | ImageManifest
    if media_type in INDEXES:
        document = index = decode(data, Index)
        children = tuple(entry.value() for entry in index.manifests)
        artifact_type = index.artifact_type
    elif media_type in MANIFESTS:
        document = image = decode(data, ImageManifest)
        blobs = tuple(entry.value() for entry in (image.config, *image.layers))
        # distribution-spec, "Listing Referrers": without an artifactType the config's type.
        artifact_type = image.artifact_type or image.config.media_type
    else:
        raise BadDocument(f"{media_type!r} is neither an image manifest nor an index")
    descriptor = Descriptor(
        media_type,
        Digest.of(data),
        len(data),
        annotations=document.annotations,
        artifact_type=artifact_type,
    )
    subject = document.subject.value().digest if document.subject else None
    return Head(descriptor, subject, children, blobs)


def describe(data: bytes, media_type: str) -> Descriptor:
    """Return the descriptor of `data`."""
    return Descriptor(media_type, Digest.of(data), len(data))


def verified(data: bytes, wanted: Digest, where: str, hint: str | None = None) -> bytes:
    """Return `data` when it is what `wanted` says.

    Raises:
        BadDocument: It is over the limit for manifests.
        BlobCorrupted: It has another digest.
    """
    if len(data) > MAX_MANIFEST:
        raise BadDocument(f"the manifest {wanted} in {where} is over {MAX_MANIFEST} bytes")
    found = Digest.of(data)
    if found != wanted:
        raise BlobCorrupted.of(wanted, where, f"it has the digest {found}", hint)
    return data


def digest_in(tag_or_digest: str) -> Digest | None:
    """Return the digest when `tag_or_digest` is one; no tag has a colon.

    Raises:
        BadDigest: It has a colon and is no digest.
    """
    return Digest.parse(tag_or_digest) if ":" in tag_or_digest else None


def fallback_tag(subject: Digest) -> str:
    """Return the tag which lists the referrers of `subject` where the Referrers API is missing."""
    return f"sha256-{subject.hex}"


def versions_among(tags: Iterable[str]) -> list[str]:
    """Return the tags in text order, without the fallback tags of referrers."""
    return sorted({tag for tag in tags if not _FALLBACK.fullmatch(tag)})


def same_content(text: str, digest: Digest) -> bool:
    """Say whether a server's digest header agrees; one that we can't read says nothing."""
    try:
        return Digest.parse(text) == digest
    except BadDigest:
        return True
