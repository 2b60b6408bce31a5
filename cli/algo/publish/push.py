"""Send a version: everything by digest first, its tag last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.events import Step
from algo.images.deliver import LayerReport
from algo.oci import media_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.events import Notify
    from algo.images.image import BuiltImage
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.publish.release import Contents
    from algo.registry.interface import Registry
    from algo.trust.attachment import Attachment


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was sent: each layer's status, bytes in all, and the index."""

    layers: tuple[LayerReport, ...]
    bytes_sent: int
    index: Descriptor


def push(
    registry: Registry,
    contents: Contents,
    attached: Sequence[Attachment],
    mounts: Mapping[Digest, str],
    *,
    notify: Notify,
) -> Pushed:
    """Write a version; until its tag is written, the last of all, there is no version.

    Doing it again after it was cut off sends only what is missing.

    Args:
        registry: Where to.
        contents: The images, and the reference with the version as its tag.
        attached: What refers to them.
        mounts: Another repository of the registry that may have a blob.
        notify: Gets a step per part and progress in bytes.

    Raises:
        VersionExists: The tag was written by somebody else in the meantime.
        AlgoError: As the registry does.
    """
    repository, sent = contents.reference.repository, 0
    layers: list[LayerReport] = []
    for image in contents.images:
        notify(Step(f"Sending the image for {image.platform}"))
        for layer in image.layers:
            moved = registry.push_blob(
                repository,
                layer.descriptor,
                layer.blob,
                mount_from=mounts.get(layer.descriptor.digest, ""),
                notify=notify,
            )
            sent += moved.bytes_sent
            digest, size = str(moved.digest), moved.size
            layers.append(LayerReport(digest, size, str(layer.kind), layer.name, moved.how))
        sent += registry.push_blob(
            repository, image.config, image.config_bytes, notify=notify
        ).bytes_sent
        registry.push_manifest(repository, image.manifest, media_types.MANIFEST)
    index = contents.index()
    registry.push_manifest(repository, index, media_types.INDEX)
    notify(Step("Attaching signatures"))
    for attachment in attached:
        sent += _attach(registry, repository, attachment, notify)
    described = registry.tag(repository, contents.reference.tag, index, media_types.INDEX)
    return Pushed(tuple(layers), sent, described)


def plan_layers(
    registry: Registry, repository: str, images: Sequence[BuiltImage]
) -> tuple[LayerReport, ...]:
    """Return the layers with `reused` for those that the registry has, `new` for the others."""
    return tuple(
        LayerReport(
            str(layer.descriptor.digest),
            layer.descriptor.size,
            str(layer.kind),
            layer.name,
            "reused" if registry.has_blob(repository, layer.descriptor.digest) else "new",
        )
        for image in images
        for layer in image.layers
    )


def _attach(registry: Registry, repository: str, attachment: Attachment, notify: Notify) -> int:
    sent = 0
    for descriptor, content in attachment.blobs:
        sent += registry.push_blob(repository, descriptor, content, notify=notify).bytes_sent
    registry.push_manifest(repository, attachment.manifest, media_types.MANIFEST)
    return sent
