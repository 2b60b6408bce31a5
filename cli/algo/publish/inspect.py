"""Show what a version holds, and what its signatures are worth, without refusing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.oci import media_types
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageConfig, ImageManifest, Index, decode, media_type_of
from algo.publish.contents import layer_names
from algo.publish.find import find
from algo.publish.repository import RegistryRepository
from algo.registry.errors import NotFound
from algo.trust.evidence import Standing, collect
from algo.trust.provenance import Provenance, read_provenance
from algo.trust.statements import PROVENANCE, RELEASE, SBOM, Release, read_release
from algo.trust.yanks import yanked
from algo.values import Value

if TYPE_CHECKING:
    from algo.oci.descriptor import Descriptor
    from algo.oci.reference import Reference
    from algo.publish.consume import Consuming
    from algo.trust.evidence import Evidence


class InspectedLayer(Value, frozen=True):
    """A layer of an image; `size` in bytes. Kind and name are empty where algo made none."""

    digest: str
    size: int
    kind: str
    name: str


class ImageReport(Value, frozen=True):
    """An image of a version; sizes in bytes."""

    platform: str
    digest: str
    size: int
    layers: tuple[InspectedLayer, ...]


class SignatureReport(Value, frozen=True):
    """A signed statement: its predicate type, the digest it is attached to, what it is worth.

    `standing` is trusted, revoked, invalid or foreign.
    """

    type: str
    subject: str
    standing: str
    key: str
    signer: str


class Inspection(Value, frozen=True):
    """All that a version says of itself.

    `objection` is why trust.toml refuses it, `yanked` why its publisher took it back; or empty.
    """

    name: str
    version: str
    reference: str
    digest: str
    annotations: dict[str, str]
    images: tuple[ImageReport, ...]
    signatures: tuple[SignatureReport, ...]
    release: Release | None
    provenance: Provenance | None
    objection: str
    yanked: str = ""


def inspect(reference: Reference, tools: Consuming) -> Inspection:
    """Return what is in the version that `reference` means.

    Raises:
        NotFound: There is none.
        BadDocument: It is no index or image.
    """
    repository = RegistryRepository(tools.open(reference.host), reference.repository)
    policy = tools.accepted()
    asked = find(repository, reference, policy)
    data = repository.manifest(asked.digest)
    annotations: dict[str, str] = {}
    entries: list[tuple[str, Digest]] = [("", asked.digest)]
    if media_type_of(data) in media_types.INDEXES:
        index = decode(data, Index)
        annotations = dict(index.annotations)
        listed = [document.value() for document in index.manifests]
        entries = [(str(item.platform or ""), item.digest) for item in listed]
    subjects = dict.fromkeys((asked.digest, *(digest for _, digest in entries)))
    found = [
        (subject, evidence)
        for subject in subjects
        for evidence in collect(repository, subject, policy, asked.name)
    ]
    release = _release([evidence for _, evidence in found])
    provenance = _provenance([evidence for _, evidence in found], release)
    yank = yanked(repository, asked.digest, policy, asked.name)
    version = asked.version or annotations.get("org.opencontainers.image.version", "")
    return Inspection(
        name=asked.name,
        version=version,
        reference=f"{repository.place}@{asked.digest}",
        digest=str(asked.digest),
        annotations=annotations,
        images=tuple(_image(repository, platform, digest) for platform, digest in entries),
        signatures=tuple(_signature(subject, evidence) for subject, evidence in found),
        release=release,
        provenance=provenance,
        objection=policy.rules.of(reference.host, asked.name).objection(
            provenance, release.unsafe if release else ()
        ),
        yanked=yank.reason if yank else "",
    )


def _image(repository: RegistryRepository, platform: str, digest: Digest) -> ImageReport:
    manifest = decode(repository.manifest(digest), ImageManifest)
    described = manifest.config.value()
    config = decode(_small(repository, described), ImageConfig)
    names = list(layer_names(config))
    layers = tuple(
        InspectedLayer(
            layer.digest,
            layer.size,
            str(names[place][0] or "") if place < len(names) else "",
            names[place][1] if place < len(names) else "",
        )
        for place, layer in enumerate(manifest.layers)
    )
    where = platform or f"{config.os}/{config.architecture}"
    return ImageReport(where, str(digest), sum(layer.size for layer in layers), layers)


def _small(repository: RegistryRepository, descriptor: Descriptor) -> bytes:
    if descriptor.size > 4 << 20:
        raise BadDocument(f"the image's config is {descriptor.size} bytes long")
    return b"".join(repository.blob(descriptor))


def _signature(subject: Digest, evidence: Evidence) -> SignatureReport:
    signer = evidence.signer
    return SignatureReport(
        type=evidence.statement.predicate_type,
        subject=str(subject),
        standing=str(evidence.standing),
        key=signer.key.id if signer else evidence.hint,
        signer=signer.label if signer else "",
    )


def _release(found: list[Evidence]) -> Release | None:
    """Return the release manifest, a trusted one before any other."""
    releases = [item for item in found if item.statement.predicate_type == RELEASE]
    for evidence in sorted(releases, key=lambda item: item.standing is not Standing.TRUSTED):
        try:
            return read_release(evidence.statement)
        except BadDocument:
            continue
    return None


def _provenance(found: list[Evidence], release: Release | None) -> Provenance | None:
    """Return the provenance that the release names."""
    named = release.statements.get(PROVENANCE, ()) if release else ()
    for evidence in found:
        if str(Digest.of(evidence.payload)) in named:
            try:
                return read_provenance(bytes(evidence.statement.predicate))
            except BadDocument:
                continue
    return None


def sbom_of(reference: Reference, tools: Consuming, platform: str) -> bytes:
    """Return the signed bill of materials of a version's image.

    Args:
        reference: The version.
        tools: What is trusted.
        platform: Which image's; the first one's where the version has none for it.

    Raises:
        NotFound: There is no such version, or it names no bill of materials.
    """
    repository = RegistryRepository(tools.open(reference.host), reference.repository)
    policy = tools.accepted()
    asked = find(repository, reference, policy)
    found = collect(repository, asked.digest, policy, asked.name)
    release = _release(list(found))
    named = release.statements.get(SBOM, ()) if release else ()
    said = {str(Digest.of(item.payload)): item.statement for item in found}
    statements = [said[digest] for digest in named if digest in said]
    images = release.images if release else {}
    wanted = images.get(platform) or next(iter(images.values()), "")
    for statement in statements:
        if wanted and statement.speaks_of(Digest.parse(wanted)):
            return bytes(statement.predicate)
    raise NotFound(
        f"{repository.place}@{asked.digest} names no bill of materials", repository=repository.place
    )
