"""Send a version: everything by digest first, its tag last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.events import Step
from algo.images.deliver import LayerReport
from algo.oci import media_types
from algo.registry.sending import Outgoing, push_blobs
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from algo.events import Notify
    from algo.images.image import Layer
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.publish.release import Contents
    from algo.registry.interface import Registry
    from algo.trust.attachment import Attachment


class Sent(Value, frozen=True):
    """What was sent: each layer's status, the bytes of blobs and manifests."""

    layers: tuple[LayerReport, ...]
    bytes_sent: int


def send(
    registry: Registry,
    contents: Contents,
    attached: Sequence[Attachment],
    mounts: Mapping[Digest, str],
    *,
    notify: Notify,
) -> Sent:
    """Write all of a version but its tag: until `commit` there is no version.

    Doing it again after it was cut off sends only what is missing.

    Args:
        registry: Where to.
        contents: The images, and the reference with the version as its tag.
        attached: What refers to them.
        mounts: Another repository of the registry that may have a blob.
        notify: Gets a step per part and progress in bytes.

    Raises:
        AlgoError: As the registry does.
    """
    repository = contents.reference.repository
    notify(Step("Sending the layers"))
    moved = push_blobs(registry, repository, _blobs(contents, attached, mounts), notify=notify)
    for image in contents.images:
        registry.push_manifest(repository, image.manifest, media_types.MANIFEST)
    index = contents.index()
    registry.push_manifest(repository, index, media_types.INDEX)
    notify(Step("Attaching signatures"))
    registry.attach(repository, [attachment.manifest for attachment in attached])
    how = {transfer.digest: transfer.how for transfer in moved}
    layers = tuple(_report(layer, how[layer.descriptor.digest]) for layer in _layers(contents))
    sent = sum(transfer.bytes_sent for transfer in moved)
    return Sent(layers, sent + sum(map(len, _manifests(contents, attached))))


def commit(registry: Registry, contents: Contents) -> Descriptor:
    """Write the tag: from here on there is the version, and it never changes.

    Raises:
        VersionExists: Somebody else wrote it in the meantime.
        AlgoError: As the registry does.
    """
    reference = contents.reference
    return registry.tag(reference.repository, reference.tag, contents.index(), media_types.INDEX)


def foresee(
    registry: Registry,
    contents: Contents,
    attached: Sequence[Attachment],
    mounts: Mapping[Digest, str],
) -> tuple[tuple[LayerReport, ...], int]:
    """Return what `send` would do with each layer (`new` is what it would send), and the bytes."""
    repository = contents.reference.repository
    unique = {one.descriptor.digest: one for one in _blobs(contents, attached, mounts)}
    how = {
        digest: registry.foresee(repository, one.descriptor, one.source, mount_from=one.mount_from)
        for digest, one in unique.items()
    }
    sizes = (one.descriptor.size for digest, one in unique.items() if how[digest] == "sent")
    layers = tuple(
        _report(layer, "new" if (was := how[layer.descriptor.digest]) == "sent" else was)
        for layer in _layers(contents)
    )
    return layers, sum(sizes) + sum(map(len, _manifests(contents, attached)))


def layers_there(contents: Contents) -> tuple[LayerReport, ...]:
    """Return the layers of a version that is in the registry already."""
    return tuple(_report(layer, "reused") for layer in _layers(contents))


def _layers(contents: Contents) -> list[Layer]:
    """Return the layers of all images, each once."""
    layers = [layer for image in contents.images for layer in image.layers]
    return list({layer.descriptor.digest: layer for layer in layers}.values())


def _manifests(contents: Contents, attached: Sequence[Attachment]) -> Iterator[bytes]:
    """Yield every manifest that is written; the index comes twice, by digest and by tag."""
    yield from (image.manifest for image in contents.images)
    yield from (contents.index(), contents.index())
    yield from (attachment.manifest for attachment in attached)


def _blobs(
    contents: Contents, attached: Sequence[Attachment], mounts: Mapping[Digest, str]
) -> Iterator[Outgoing]:
    for image in contents.images:
        for layer in image.layers:
            elsewhere = mounts.get(layer.descriptor.digest, "")
            if elsewhere == contents.reference.repository:
                elsewhere = ""
            yield Outgoing(layer.descriptor, layer.source, elsewhere)
        yield Outgoing(image.config, image.config_bytes)
    for attachment in attached:
        for descriptor, content in attachment.blobs:
            yield Outgoing(descriptor, content)


def _report(layer: Layer, status: str) -> LayerReport:
    descriptor = layer.descriptor
    digest, kind = str(descriptor.digest), str(layer.kind)
    return LayerReport(digest, descriptor.size, kind, layer.name, status, layer.unpacked)
