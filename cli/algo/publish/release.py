"""Everything a version consists of, made in memory before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from algo.images.image import LayerKind
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, Index, encode
from algo.publish.provenance import Facts, provenance_of
from algo.trust.attachment import Attachment, attach_document, attach_statement
from algo.trust.provenance import encode_provenance
from algo.trust.statements import (
    MODEL,
    PROVENANCE,
    RELEASE,
    SBOM,
    SIGN,
    Release,
    make_statement,
    release_statement,
    sign_statement,
)
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.images.image import BuiltImage
    from algo.oci.reference import Reference
    from algo.project.manifest import Algorithm
    from algo.publish.provenance import Making
    from algo.publish.weights import Model
    from algo.trust.keys import SigningKey
    from algo.trust.provenance import Provenance
    from algo.trust.statements import Previous


class Claim(Value, frozen=True):
    """A statement of a predicate type, and what it is attached to."""

    kind: str
    statement: bytes
    subject: Descriptor


class Contents(Value, frozen=True):
    """What is published.

    Args:
        reference: Where to, with the version as its tag.
        algorithm: Gives the annotations.
        images: One per platform.
        lock: The text of `algo.lock`.
        contract: The encoded contract, empty when there is none.
        previous: The highest version so far.
        files: What the lock has beside it, by name.
        making: How it came to be; without it there is no provenance.
        models: What its models are.
        boms: The bill of materials of each image, by its digest.
        reason: Why its version is lower than what changed asks for, empty where it is not.
    """

    reference: Reference
    algorithm: Algorithm
    images: tuple[BuiltImage, ...]
    lock: bytes
    contract: bytes
    previous: Previous | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    making: Making | None = None
    models: tuple[Model, ...] = ()
    boms: Mapping[Digest, bytes] = field(default_factory=dict)
    reason: str = ""

    def index(self) -> bytes:
        """Return the image index: the same bytes for the same version of the same images."""
        entries = (
            Descriptor(
                media_types.MANIFEST, image.digest, len(image.manifest), platform=image.platform
            )
            for image in self.images
        )
        return encode(
            Index(
                schema_version=2,
                media_type=media_types.INDEX,
                manifests=tuple(DescriptorDocument.of(entry) for entry in entries),
                annotations=self._annotations(),
            )
        )

    def provenance(self, published: str) -> Provenance | None:
        """Return how it came to be, None when nobody said."""
        if self.making is None:
            return None
        lock = str(Digest.of(self.lock)) if self.lock else ""
        name, version = self.reference.name, self.reference.tag
        return provenance_of(self.making, Facts(name, version, lock, self.images, published))

    def claims(self, published: str) -> tuple[Claim, ...]:
        """Return what is stated of it besides the release, `published` at that time."""
        index = self.index()
        whole = Descriptor(media_types.INDEX, Digest.of(index), len(index))
        subjects = {whole.digest: self.reference.name}
        subjects |= {image.digest: str(image.platform) for image in self.images}
        found: list[Claim] = []
        provenance = self.provenance(published)
        if provenance is not None:
            predicate = encode_provenance(provenance)
            found.append(Claim(PROVENANCE, make_statement(PROVENANCE, predicate, subjects), whole))
        signed = {model.statement for model in self.models if model.statement}
        found += (Claim(MODEL, statement, whole) for statement in sorted(signed))
        for image in self.images:
            if bom := self.boms.get(image.digest):
                said = {whole.digest: self.reference.name, image.digest: str(image.platform)}
                own = Descriptor(media_types.MANIFEST, image.digest, len(image.manifest))
                statement = make_statement(SBOM, bom, said)
                # On both: whoever has the tag finds it, and whoever has the image's digest.
                found += [Claim(SBOM, statement, whole), Claim(SBOM, statement, own)]
        return tuple(found)

    def release(self, published: str) -> Release:
        """Return the release manifest, `published` at that time (RFC 3339)."""
        statements: dict[str, tuple[str, ...]] = {}
        for claim in self.claims(published):
            named = {*statements.get(claim.kind, ()), str(Digest.of(claim.statement))}
            statements[claim.kind] = tuple(sorted(named))
        return Release(
            name=self.reference.name,
            version=self.reference.tag,
            images={str(image.platform): str(image.digest) for image in self.images},
            published=published,
            lock=str(Digest.of(self.lock)) if self.lock else "",
            contract=str(Digest.of(self.contract)) if self.contract else "",
            models={
                layer.name: str(layer.descriptor.digest)
                for image in self.images
                for layer in image.layers
                if layer.kind is LayerKind.MODEL
            },
            weights={model.name: model.weights for model in self.models},
            statements=statements,
            previous=self.previous,
            reason=self.reason,
        )

    def _annotations(self) -> dict[str, str]:
        algorithm = self.algorithm
        checkout = self.making.source.checkout if self.making else None
        found = {
            "org.opencontainers.image.revision": checkout.commit if checkout else "",
            "org.opencontainers.image.url": algorithm.repository,
            "org.opencontainers.image.vendor": self.reference.name.partition("/")[0],
            "org.opencontainers.image.authors": ", ".join(algorithm.authors),
            "org.opencontainers.image.description": algorithm.description,
            "org.opencontainers.image.licenses": algorithm.license,
            "org.opencontainers.image.source": algorithm.repository,
            "org.opencontainers.image.title": self.reference.name,
            "org.opencontainers.image.version": self.reference.tag,
        }
        return {name: value for name, value in sorted(found.items()) if value}


def attachments(contents: Contents, release: Release, key: SigningKey) -> tuple[Attachment, ...]:
    """Return what is attached, in the order of writing: documents, signatures, the release."""
    index = contents.index()
    subject = Descriptor(media_types.INDEX, Digest.of(index), len(index))
    found: list[Attachment] = []
    if contents.lock:
        found.append(attach_document(contents.lock, media_types.LOCK, "algo.lock", subject))
    for name, content in sorted(contents.files.items()):
        found.append(attach_document(content, media_types.LOCK_FILE, name, subject))
    if contents.contract:
        kind = media_types.CONTRACT
        found.append(attach_document(contents.contract, kind, "contract.json", subject))
    for image in contents.images:
        where = Descriptor(media_types.MANIFEST, image.digest, len(image.manifest))
        found.append(attach_statement(sign_statement(image.digest), SIGN, where, key))
    found.append(attach_statement(sign_statement(subject.digest), SIGN, subject, key))
    for claim in contents.claims(release.published):
        found.append(attach_statement(claim.statement, claim.kind, claim.subject, key))
    statement = release_statement(release, subject.digest)
    found.append(attach_statement(statement, RELEASE, subject, key))
    return tuple(found)
