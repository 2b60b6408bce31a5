"""Where an image goes once it is built, and what of it had to be sent there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import msgspec

from algo.events import Step
from algo.images.docker_archive import archive
from algo.images.load import load
from algo.oci import media_types
from algo.resources import writing
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from algo.events import Notify
    from algo.images.image import BuiltImage
    from algo.images.interface import ImageEngine, ImageStore
    from algo.images.load import Recent
    from algo.images.sizes import PackageSize

REUSED, SENT = "reused", "sent"


class LayerReport(msgspec.Struct, frozen=True):
    """What became of a layer: `status` is `reused`, `mounted` or `sent`.

    `size` and `unpacked` are in bytes, the second 0 where it is not known; `made` says whether the
    build had to make it.
    """

    digest: str
    size: int
    kind: str
    name: str
    status: str
    unpacked: int = 0
    made: bool = False


class BuildReport(Value, frozen=True):
    """A built and delivered image; `reference` is what its destination calls it.

    `packages` are those of its packages layer, the largest first, where that was asked for.
    """

    name: str
    version: str
    reference: str
    digest: str
    platform: str
    layers: tuple[LayerReport, ...]
    bytes_sent: int
    packages: tuple[PackageSize, ...] = ()


class Delivered(msgspec.Struct, frozen=True):
    """What a destination did: its name for the image, each layer's status, bytes in all."""

    reference: str
    status: tuple[str, ...]
    bytes_sent: int


class Destination(Protocol):
    """Takes images: one per platform."""

    def put(self, images: Sequence[BuiltImage], *, notify: Notify) -> tuple[Delivered, ...]:
        """Store `images` and tell what had to be sent for each."""
        ...


class IntoEngine(Value, frozen=True):
    """A container engine of this machine."""

    engine: ImageEngine
    recent: Recent | None = None

    def put(self, images: Sequence[BuiltImage], *, notify: Notify) -> tuple[Delivered, ...]:
        """Load the images, without the layers that the engine has."""
        return tuple(self._put(image, notify) for image in images)

    def _put(self, image: BuiltImage, notify: Notify) -> Delivered:
        known = load(image, self.engine, recent=self.recent, notify=notify)
        sent = image.layers[known:]
        status = (REUSED,) * known + (SENT,) * len(sent)
        return Delivered(image.tag, status, sum(layer.descriptor.size for layer in sent))


class IntoFile(Value, frozen=True):
    """A file that `docker load`, skopeo and podman read."""

    path: Path

    def put(self, images: Sequence[BuiltImage], *, notify: Notify) -> tuple[Delivered, ...]:
        """Write the whole archive beside the file's place, then move it there."""
        notify(Step(f"Writing {self.path.name}"))
        write_file(self.path, archive(images))
        size = self.path.stat().st_size
        return tuple(
            Delivered(str(self.path), (SENT,) * len(image.layers), size) for image in images
        )


class IntoStore(Value, frozen=True):
    """The embedded store: blobs and the manifest by digest, without a tag.

    Tags are versions, and a build is none; the image is called `owner/name@sha256:…`.
    """

    store: ImageStore

    def put(self, images: Sequence[BuiltImage], *, notify: Notify) -> tuple[Delivered, ...]:
        """Store what the store lacks, the manifest last."""
        return tuple(self._put(image, notify) for image in images)

    def _put(self, image: BuiltImage, notify: Notify) -> Delivered:
        moved = [
            self.store.push_blob(image.name, layer.descriptor, layer.source, notify=notify)
            for layer in image.layers
        ]
        config = self.store.push_blob(image.name, image.config, image.config_bytes, notify=notify)
        self.store.push_manifest(image.name, image.manifest, media_types.MANIFEST)
        sent = sum(one.bytes_sent for one in (*moved, config))
        return Delivered(f"{image.name}@{image.digest}", tuple(one.how for one in moved), sent)


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write `chunks` beside `path`, then move the whole file there.

    Raises:
        DiskFull: No space is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with writing(path.parent), temporary.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def deliver(
    images: Sequence[BuiltImage], version: str, destination: Destination, *, notify: Notify
) -> tuple[BuildReport, ...]:
    """Put `images` where they belong and report on each.

    Args:
        images: The images, one per platform.
        version: The project's version, which the image does not know.
        destination: Where it goes.
        notify: Gets a step when something must be sent.

    Raises:
        LoadRefused: The engine did not take the image.
        EngineUnavailable: The engine does not answer.
    """
    delivered = destination.put(images, notify=notify)
    return tuple(
        _report(image, version, done) for image, done in zip(images, delivered, strict=True)
    )


def _report(image: BuiltImage, version: str, delivered: Delivered) -> BuildReport:
    layers = tuple(
        LayerReport(
            str(layer.descriptor.digest),
            layer.descriptor.size,
            str(layer.kind),
            layer.name,
            state,
            layer.unpacked,
            not layer.reused,
        )
        for layer, state in zip(image.layers, delivered.status, strict=True)
    )
    return BuildReport(
        name=image.name,
        version=version,
        reference=delivered.reference,
        digest=str(image.digest),
        platform=str(image.platform),
        layers=layers,
        bytes_sent=delivered.bytes_sent,
    )
