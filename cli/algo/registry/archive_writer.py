"""Write a version with all that refers to it as one file: the same version, the same bytes.

It is an OCI image layout and a docker archive at once: skopeo, oras and podman read the one,
`docker load` the other, and both point at the same blobs.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from algo.events import Progress
from algo.oci.errors import BadDocument
from algo.oci.manifest import DescriptorDocument, ImageManifest, Index, decode, encode
from algo.oci.media_types import INDEX as INDEX_TYPE
from algo.oci.media_types import REF_NAME
from algo.registry.archive import BLOBS, DOCKER, INDEX, LAYOUT, DockerImage
from algo.registry.layout import LAYOUT as LAYOUT_CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.events import Notify
    from algo.registry.copy import Whole
    from algo.registry.interface import ReadableRegistry

# ustar has eleven octal digits for a size; above them GNU's binary form, which all readers know.
_USTAR_MOST = 8**11 - 1
_FIRST = "amd64"


class Target(Protocol):
    """What the file is written to."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


def write_archive(
    target: Target,
    source: ReadableRegistry,
    repository: str,
    whole: Whole,
    name: str,
    tag: str,
    *,
    notify: Notify,
) -> None:
    """Write the version `whole` of `repository`.

    Args:
        target: Takes the bytes.
        source: Where its blobs are.
        repository: Its repository there.
        whole: What it consists of.
        name: `owner/name`, by which Docker will know it.
        tag: The version.
        notify: Gets progress in bytes.

    Raises:
        NotFound: A blob is not there.
        BlobCorrupted: A blob is not what its digest says.
    """
    for file, content in beside(whole, name, tag).items():
        _put(target, file, content)
    for document in sorted(whole.manifests, key=lambda one: one.head.descriptor.digest):
        _put(target, f"{BLOBS}{document.head.descriptor.digest.hex}", document.data)
    total = sum(blob.size for blob in whole.blobs)
    done = 0
    for blob in sorted(whole.blobs, key=lambda one: one.digest):
        target.write(_header(f"{BLOBS}{blob.digest.hex}", blob.size))
        for piece in source.open_blob(repository, blob):
            target.write(piece)
            done += len(piece)
            notify(Progress(f"Writing {name}:{tag}", done, total))
        target.write(_padding(blob.size))
    target.write(bytes(2 * tarfile.BLOCKSIZE))


def beside(whole: Whole, name: str, tag: str) -> dict[str, bytes]:
    """Return what an exported version has besides its blobs, whose names vouch for them."""
    return {
        LAYOUT: LAYOUT_CONTENT,
        INDEX: _index(whole, tag),
        DOCKER: msgspec.json.encode(list(_docker_images(whole, name, tag))),
    }


def _index(whole: Whole, tag: str) -> bytes:
    """Return `index.json`: the version under its tag, then what refers to it or its images."""
    version = replace(whole.descriptor, annotations={REF_NAME: tag}, artifact_type="")
    referrers = [one.head.descriptor for one in whole.manifests if one.head.subject]
    referrers.sort(key=lambda one: one.digest)
    listed = [version, *(replace(one, annotations={}) for one in referrers)]
    manifests = tuple(DescriptorDocument.of(one) for one in listed)
    return encode(Index(schema_version=2, media_type=INDEX_TYPE, manifests=manifests))


def _docker_images(whole: Whole, name: str, tag: str) -> Iterator[DockerImage]:
    """Yield each image; of several, those that are not for amd64 have their processor's tag."""
    data = {str(one.head.descriptor.digest): one.data for one in whole.manifests}
    try:
        entries = decode(whole.data, Index).manifests
        images = [(one.platform, decode(data[one.digest], ImageManifest)) for one in entries]
    except (BadDocument, KeyError):
        return
    plain = next((at for at, (platform, _) in enumerate(images)
                  if platform and platform.architecture == _FIRST), 0)  # fmt: skip
    for at, (platform, image) in enumerate(images):
        suffix = f"-{platform.architecture}" if platform and at != plain else ""
        layers = tuple(_path(layer) for layer in image.layers)
        yield DockerImage(_path(image.config), (f"{name}:{tag}{suffix}",), layers)


def _path(document: DescriptorDocument) -> str:
    return f"{BLOBS}{document.value().digest.hex}"


def _put(target: Target, name: str, content: bytes) -> None:
    target.write(_header(name, len(content)) + content + _padding(len(content)))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.USTAR_FORMAT if size <= _USTAR_MOST else tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
