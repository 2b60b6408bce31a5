"""Manifests that attach something to a digest: signatures as cosign stores them, and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, ImageManifest, encode
from algo.trust.bundle import make_bundle
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.trust.keys import SigningKey

CONTENT = "dev.sigstore.bundle.content"
PREDICATE = "dev.sigstore.bundle.predicateType"
PUBLIC_KEY = "dev.algo.public-key"
"""Annotation with the signer's public key, offered to whoever does not know it yet."""
TITLE = "org.opencontainers.image.title"

_EMPTY = b"{}"


class Attachment(Value, frozen=True):
    """A referrer: its manifest, and the blobs to write before it."""

    manifest: bytes
    blobs: tuple[tuple[Descriptor, bytes], ...]
    subject: Descriptor
    kind: str

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return Digest.of(self.manifest)


def attach_statement(
    statement: bytes, predicate_type: str, subject: Descriptor, key: SigningKey
) -> Attachment:
    """Sign `statement` and attach it to `subject`; the same inputs give the same bytes."""
    annotations = {
        PUBLIC_KEY: key.public.pem,
        CONTENT: "dsse-envelope",
        PREDICATE: predicate_type,
    }
    bundle = make_bundle(statement, key)
    return _attach(
        bundle, media_types.SIGSTORE_BUNDLE, subject, annotations, {}, kind=predicate_type
    )


def attach_document(content: bytes, media_type: str, title: str, subject: Descriptor) -> Attachment:
    """Attach a document (a lock, a contract) under a file name to `subject`."""
    return _attach(content, media_type, subject, {}, {TITLE: title}, kind=media_type)


def _attach(
    content: bytes,
    media_type: str,
    subject: Descriptor,
    annotations: Mapping[str, str],
    layer_annotations: Mapping[str, str],
    *,
    kind: str,
) -> Attachment:
    empty = Descriptor(media_types.EMPTY, Digest.of(_EMPTY), len(_EMPTY))
    layer = Descriptor(media_type, Digest.of(content), len(content), annotations=layer_annotations)
    bare = Descriptor(subject.media_type, subject.digest, subject.size)
    manifest = ImageManifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        artifact_type=media_type,
        config=DescriptorDocument.of(empty),
        layers=(DescriptorDocument.of(layer),),
        subject=DescriptorDocument.of(bare),
        annotations=dict(sorted(annotations.items())),
    )
    return Attachment(encode(manifest), ((empty, _EMPTY), (layer, content)), bare, kind)
