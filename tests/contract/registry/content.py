"""Small images and referrers to push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import silent
from algo.oci.descriptor import Descriptor, Platform
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, ImageManifest, Index, encode
from algo.oci.media_types import CONFIG, EMPTY, INDEX, LAYER, MANIFEST, SIGSTORE_BUNDLE

if TYPE_CHECKING:
    from algo.registry.interface import Registry

NAME = "acme/digits"
OTHER = "acme/letters"


def blob(data: bytes, media_type: str = LAYER) -> Descriptor:
    return Descriptor(media_type, Digest.of(data), len(data))


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image and the index around it."""

    image: Descriptor
    index: bytes
    layer: Descriptor

    @property
    def digest(self) -> Digest:
        return Digest.of(self.index)


def push_image(registry: Registry, text: bytes, repository: str = NAME) -> Pushed:
    """Push an image with one layer, `text`, and return the index for it, which is not pushed."""
    # An empty config object is an image's config, too, for skopeo and for a registry.
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["%s"]}}'
    config = config.replace(b"%s", str(Digest.of(text)).encode())
    for data, kind in ((text, LAYER), (config, CONFIG)):
        registry.push_blob(repository, blob(data, kind), data, notify=silent)
    manifest = encode(
        ImageManifest(
            schema_version=2,
            media_type=MANIFEST,
            config=DescriptorDocument.of(blob(config, CONFIG)),
            layers=(DescriptorDocument.of(blob(text)),),
        )
    )
    image = registry.push_manifest(repository, manifest, MANIFEST)
    child = Descriptor(
        image.media_type, image.digest, image.size, platform=Platform("linux", "amd64")
    )
    index = Index(
        schema_version=2,
        media_type=INDEX,
        manifests=(DescriptorDocument.of(child),),
        annotations={"org.opencontainers.image.title": NAME},
    )
    return Pushed(image, encode(index), blob(text))


def push_referrer(
    registry: Registry, subject: Descriptor, text: bytes, repository: str = NAME
) -> Descriptor:
    """Attach `text` to `subject` as cosign attaches a bundle."""
    for data, kind in ((text, SIGSTORE_BUNDLE), (b"{}", EMPTY)):
        registry.push_blob(repository, blob(data, kind), data, notify=silent)
    manifest = ImageManifest(
        schema_version=2,
        media_type=MANIFEST,
        config=DescriptorDocument.of(blob(b"{}", EMPTY)),
        layers=(DescriptorDocument.of(blob(text, SIGSTORE_BUNDLE)),),
        artifact_type=SIGSTORE_BUNDLE,
        subject=DescriptorDocument.of(subject),
    )
    return registry.push_manifest(repository, encode(manifest), MANIFEST)
