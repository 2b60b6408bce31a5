"""An assembled image: everything that runs or ships it needs to know."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from algo.images.tar import CHUNK, tar_pieces
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from algo.images.tree import Entry
    from algo.oci.descriptor import Descriptor, Platform
    from algo.oci.digest import Digest

REPOSITORY = "algo.local"


class LayerKind(StrEnum):
    """What a layer holds, in the order in which layers lie on each other."""

    RUNTIME = "runtime"
    GATEWAY = "gateway"
    RUNNER = "runner"
    PACKAGES = "packages"
    MODEL = "model"
    PROGRAM = "program"
    CODE = "code"


class Layer(Value, frozen=True):
    """A layer of an image.

    Args:
        descriptor: Media type, digest and size of the blob.
        diff_id: The digest of the uncompressed tar.
        kind: What it holds.
        name: The model's name, with what follows a slash where it has several layers; or the kind.
        blob: The blob in the cache; it is not there when `entries` are.
        reused: Whether it was there already.
        unpacked: The bytes of the tar, 0 where nobody counted them.
        entries: The files that the blob is put together from whenever it is read: weights, which
            would lie on the disk twice else.
    """

    descriptor: Descriptor
    diff_id: Digest
    kind: LayerKind
    name: str
    blob: Path
    reused: bool
    unpacked: int = 0
    entries: tuple[Entry, ...] = ()

    @property
    def source(self) -> Path | Callable[[], Iterator[bytes]]:
        """Where the blob's bytes are: its file, or what gives them from the start."""
        return self.pieces if self.entries else self.blob

    def pieces(self) -> Iterator[bytes]:
        """Yield the blob's bytes."""
        if self.entries:
            yield from tar_pieces(self.entries)
            return
        with self.blob.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    @property
    def model(self) -> str:
        """The model that it is of, where it is of one."""
        return self.name.partition("/")[0]


class BuiltImage(Value, frozen=True):
    """An image whose every blob is here: in the cache, or put together from the project's files.

    Args:
        name: `owner/name`.
        platform: What it runs on.
        digest: The digest of its manifest: what `algo build` prints.
        manifest: The manifest's bytes, an OCI image manifest.
        config: The descriptor of its config.
        config_bytes: The config's bytes.
        config_blob: The config in the cache.
        layers: From the bottom up.
        runtime: The digest of the runtime image below it; None when it is one itself.
    """

    name: str
    platform: Platform
    digest: Digest
    manifest: bytes
    config: Descriptor
    config_bytes: bytes
    config_blob: Path
    layers: tuple[Layer, ...]
    runtime: Digest | None = None

    @property
    def tag(self) -> str:
        """What a container engine calls it: `algo.local/owner/name:<12 hex of the digest>`."""
        return f"{REPOSITORY}/{self.name}:{self.digest.hex[:12]}"

    @property
    def size(self) -> int:
        """The bytes of all layers, as they are stored."""
        return sum(layer.descriptor.size for layer in self.layers)
