"""Tiny images, complete down to their blobs, for tests that publish and verify."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from algo.images.image import BuiltImage, Layer, LayerKind
from algo.oci import media_types
from algo.oci.descriptor import Descriptor, Platform
from algo.oci.digest import Digest
from algo.oci.manifest import (
    ContainerConfig,
    DescriptorDocument,
    History,
    ImageConfig,
    ImageManifest,
    RootFs,
    encode,
)

if TYPE_CHECKING:
    from pathlib import Path

AMD64 = Platform("linux", "amd64")

FILES = {
    LayerKind.RUNTIME: ("etc/os-release", b"ID=debian\n"),
    LayerKind.PACKAGES: ("opt/algo/packages/sums.py", b"def add(a, b): return a + b\n"),
    LayerKind.MODEL: ("opt/algo/app/models/weights.bin", bytes(range(256)) * 40),
    LayerKind.CODE: ("opt/algo/app/src/digits.py", b"def apply(input): return input\n"),
}


def built_image(
    folder: Path, name: str = "acme/digits", platform: Platform = AMD64, code: bytes = b""
) -> BuiltImage:
    """Return an image of four layers whose blobs lie in `folder`; `code` changes the last."""
    layers = [_layer(folder, kind, *FILES[kind]) for kind in FILES if kind is not LayerKind.CODE]
    path, content = FILES[LayerKind.CODE]
    layers.append(_layer(folder, LayerKind.CODE, path, code or content))
    config = encode(
        ImageConfig(
            architecture=platform.architecture,
            os=platform.os,
            config=ContainerConfig(cmd=("python3", "-m", "algo_gateway")),
            rootfs=RootFs("layers", tuple(str(layer.diff_id) for layer in layers)),
            created="1970-01-01T00:00:00Z",
            history=tuple(History(created_by=f"algo: {_history(layer)}") for layer in layers),
        )
    )
    described = Descriptor(media_types.CONFIG, Digest.of(config), len(config))
    manifest = encode(
        ImageManifest(
            schema_version=2,
            media_type=media_types.MANIFEST,
            config=DescriptorDocument.of(described),
            layers=tuple(DescriptorDocument.of(layer.descriptor) for layer in layers),
        )
    )
    return BuiltImage(
        name=name,
        platform=platform,
        digest=Digest.of(manifest),
        manifest=manifest,
        config=described,
        config_bytes=config,
        config_blob=_write(folder, config),
        layers=tuple(layers),
    )


def _layer(folder: Path, kind: LayerKind, path: str, content: bytes) -> Layer:
    tar = _tar(path, content)
    digest = Digest.of(tar)
    name = "classifier" if kind is LayerKind.MODEL else str(kind)
    descriptor = Descriptor(media_types.LAYER, digest, len(tar))
    return Layer(descriptor, digest, kind, name, _write(folder, tar), reused=False)


def _tar(path: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo(path)
        info.size, info.mode, info.mtime = len(content), 0o644, 0
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _history(layer: Layer) -> str:
    return f"model {layer.name}" if layer.kind is LayerKind.MODEL else str(layer.kind)


def _write(folder: Path, content: bytes) -> Path:
    path = folder / Digest.of(content).hex
    path.write_bytes(content)
    return path
