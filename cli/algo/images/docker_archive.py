"""Images as one file that `docker load`, skopeo and podman read.

It is an OCI layout and a docker archive at once: both indexes point at the same blobs.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import msgspec

from algo.oci import manifest as documents
from algo.oci import media_types
from algo.oci.descriptor import Descriptor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from algo.images.image import BuiltImage, Layer

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    config: str
    repo_tags: tuple[str, ...]
    layers: tuple[str, ...]


def archive(images: Sequence[BuiltImage], *, known: int = 0) -> Iterator[bytes]:
    """Yield the archive of `images`.

    Args:
        images: One per platform.
        known: How many layers, from the bottom up, the reader holds. They are left empty,
            which Docker accepts for layers it has; the result is no OCI layout then.
    """
    entries = tuple(
        _Entry(
            _blob(image.config),
            (image.tag,),
            tuple(_blob(layer.descriptor) for layer in image.layers),
        )
        for image in images
    )
    yield from _small("manifest.json", msgspec.json.encode(entries))
    if not known:
        yield from _small("oci-layout", _LAYOUT)
        yield from _small("index.json", _index(images))
        for image in images:
            yield from _small(_blob(_manifest(image)), image.manifest)
    done: set[str] = set()
    for image in images:
        yield from _small(_blob(image.config), image.config_bytes)
        for place, layer in enumerate(image.layers):
            name = _blob(layer.descriptor)
            if name not in done:
                done.add(name)
                yield from _small(name, b"") if place < known else _large(name, layer)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _manifest(image: BuiltImage) -> Descriptor:
    return Descriptor(
        media_types.MANIFEST,
        image.digest,
        len(image.manifest),
        annotations={media_types.REF_NAME: image.tag},
        platform=image.platform,
    )


def _index(images: Sequence[BuiltImage]) -> bytes:
    described = tuple(documents.DescriptorDocument.of(_manifest(image)) for image in images)
    return documents.encode(
        documents.Index(schema_version=2, media_type=media_types.INDEX, manifests=described)
    )


def _blob(descriptor: Descriptor) -> str:
    return f"blobs/sha256/{descriptor.digest.hex}"


def _small(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content)) + content + _padding(len(content))


def _large(name: str, layer: Layer) -> Iterator[bytes]:
    yield _header(name, layer.descriptor.size)
    yield from layer.pieces()
    yield _padding(layer.descriptor.size)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
