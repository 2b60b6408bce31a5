"""What an image in a registry consists of: the layers and what each of them holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.images.image import BuiltImage, Layer, LayerKind
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageConfig, ImageManifest, decode
from algo.registry.documents import verified
from algo.registry.errors import MEND_STORE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.oci.descriptor import Platform

_MADE_BY = "algo: "


def layer_names(config: ImageConfig) -> Iterator[tuple[LayerKind | None, str]]:
    """Yield kind and name of each layer, from the history that `algo` writes into a config.

    The kind is None, and the name what the history says, for layers that others made.
    """
    for entry in config.history:
        if entry.empty_layer:
            continue
        said = entry.created_by.removeprefix(_MADE_BY)
        kind, _, name = said.partition(" ")
        if entry.created_by.startswith(_MADE_BY) and kind in set(LayerKind):
            yield LayerKind(kind), name or kind
        else:
            yield None, entry.created_by or "layer"


def built_from(name: str, platform: Platform, data: bytes, blobs: Path) -> BuiltImage:
    """Return the image whose manifest is `data` and whose blobs lie in the folder `blobs`.

    Raises:
        BlobCorrupted: The config is not what its digest says.
        BadDocument: Manifest and config do not fit together, or `algo` did not make them.
    """
    manifest = decode(data, ImageManifest)
    config = manifest.config.value()
    place = blobs / config.digest.hex
    config_bytes = verified(place.read_bytes(), config.digest, str(blobs), MEND_STORE)
    document = decode(config_bytes, ImageConfig)
    named = list(layer_names(document))
    if not len(named) == len(manifest.layers) == len(document.rootfs.diff_ids):
        raise BadDocument("the image's config does not describe its layers")
    layers = []
    parts = zip(manifest.layers, document.rootfs.diff_ids, named, strict=True)
    for layer, diff_id, (kind, called) in parts:
        if kind is None:
            raise BadDocument(f"the image has a layer that algo did not make: {called}")
        descriptor = layer.value()
        blob = blobs / descriptor.digest.hex
        layers.append(Layer(descriptor, Digest.parse(diff_id), kind, called, blob, reused=True))
    return BuiltImage(
        name=name,
        platform=platform,
        digest=Digest.of(data),
        manifest=data,
        config=config,
        config_bytes=config_bytes,
        config_blob=place,
        layers=tuple(layers),
    )


def holds_files(layer: Layer) -> bool:
    """Tell whether the layer holds files of the project itself."""
    return layer.kind in {LayerKind.MODEL, LayerKind.CODE}
