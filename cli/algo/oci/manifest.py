"""Image manifests, indexes and configs: written canonically, read with limits."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from algo.oci import media_types
from algo.oci.descriptor import Descriptor, Platform
from algo.oci.digest import Digest
from algo.oci.errors import BadDigest, BadDocument

# distribution-spec asks registries to take manifests of at least 4 MiB; we take no larger one.
MAX_MANIFEST = 4 << 20
MAX_BLOB = 1 << 50


class PlatformDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of a platform."""

    architecture: str
    os: str
    variant: str = ""


class DescriptorDocument(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The JSON of a descriptor; `size` in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}
    platform: PlatformDocument | None = None
    artifact_type: str = ""
    data: str = ""

    @classmethod
    def of(cls, descriptor: Descriptor) -> DescriptorDocument:
        """Return the document of `descriptor`, annotations sorted."""
        platform = descriptor.platform
        return cls(
            media_type=descriptor.media_type,
            digest=str(descriptor.digest),
            size=descriptor.size,
            annotations=dict(sorted(descriptor.annotations.items())),
            platform=PlatformDocument(platform.architecture, platform.os) if platform else None,
            artifact_type=descriptor.artifact_type,
        )

    def value(self) -> Descriptor:
        """Return the descriptor.

        Raises:
            BadDocument: The digest has another form, or the size is out of bounds.
        """
        if not 0 <= self.size <= MAX_BLOB:
            raise BadDocument(f"a descriptor gives the size {self.size}")
        try:
            digest = Digest.parse(self.digest)
        except BadDigest as error:
            raise BadDocument(error.message) from error
        platform = self.platform
        return Descriptor(
            media_type=self.media_type,
            digest=digest,
            size=self.size,
            annotations=self.annotations,
            platform=Platform(platform.os, platform.architecture) if platform else None,
            artifact_type=self.artifact_type,
        )


class ImageManifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An image manifest; with `artifact_type` and `subject` also a referrer.

    Others may leave out the media type (image-spec: it SHOULD be there); we don't.
    """

    schema_version: int
    media_type: str = ""
    config: DescriptorDocument
    layers: tuple[DescriptorDocument, ...]
    artifact_type: str = ""
    subject: DescriptorDocument | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An image index; others may leave out its media type, as skopeo does in a layout."""

    schema_version: int
    media_type: str = ""
    manifests: tuple[DescriptorDocument, ...]
    artifact_type: str = ""
    subject: DescriptorDocument | None = None
    annotations: dict[str, str] = {}


class RootFs(msgspec.Struct, frozen=True):
    """The layers of an image, by the digests of their uncompressed tars."""

    type: str
    diff_ids: tuple[str, ...]


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a layer came to be, for `docker history`."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class ContainerConfig(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """How a container of the image runs (image-spec, config)."""

    user: str = ""
    exposed_ports: dict[str, dict[str, str]] = {}
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    labels: dict[str, str] = {}
    stop_signal: str = ""


class ImageConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image config (image-spec, config); `created` is RFC 3339."""

    architecture: str
    os: str
    config: ContainerConfig
    rootfs: RootFs
    created: str = ""
    history: tuple[History, ...] = ()


_Document = TypeVar("_Document", ImageManifest, Index, ImageConfig)


def encode(document: ImageManifest | Index | ImageConfig) -> bytes:
    """Return the canonical bytes: fields in the order of the class, no white space."""
    return msgspec.json.encode(document)


def decode(data: bytes, kind: type[_Document]) -> _Document:
    """Read a document of the `kind`; unknown fields are tolerated.

    Raises:
        BadDocument: It is larger than 4 MiB, too deep, no JSON or of another shape.
    """
    if len(data) > MAX_MANIFEST:
        raise BadDocument(f"a document of {len(data)} bytes is over the limit of {MAX_MANIFEST}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadDocument(f"the document is not a valid {kind.__name__}: {error}") from error


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    manifests: msgspec.Raw = msgspec.Raw(b"")


def media_type_of(data: bytes) -> str:
    """Return the media type that a manifest or index says it has, an image manifest's if none.

    Raises:
        BadDocument: It is no JSON object.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadDocument(f"the document is not a manifest: {error}") from error
    if head.media_type:
        return head.media_type
    return media_types.INDEX if bytes(head.manifests) else media_types.MANIFEST
