"""A process that publishes versions of its own, as `algo publish` does, through the cache.

Arguments: the user's folder, a key's file, the process' number, how many versions.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from algo.images.cache import Cache
from algo.images.layer import record_of
from algo.registry.layout import LayoutStore
from algo.resources import user_folders
from algo.trust.keys import SigningKey
from msgspec.structs import replace

from tests.unit.trust.publishing import contents, put

if TYPE_CHECKING:
    from algo.images.image import Layer


def main(home: str, key_file: str, number: int, count: int) -> None:
    """Publish `count` versions into the store below `home`, one after the other."""
    folders = user_folders(home)
    key = SigningKey.parse(Path(key_file).read_text())
    for version in range(count):
        cache = Cache.of(folders)
        store = LayoutStore(folders.store, linkable=folders.cache)
        with tempfile.TemporaryDirectory() as scratch:
            code = f"def apply(input): return {number} + {version}\n".encode()
            what = contents(Path(scratch), f"{number}.{version}.0", code=code)
            (image,) = what.images
            layers = tuple(_cached(cache, layer) for layer in image.layers)
            put(store, replace(what, images=(replace(image, layers=layers),)), key)


def _cached(cache: Cache, layer: Layer) -> Layer:
    """Return the layer with its blob in the cache, put there as a build puts it."""
    digest, size = layer.descriptor.digest, layer.descriptor.size
    if not cache.has(digest, size):
        with cache.scratch() as folder:
            shutil.copyfile(layer.blob, folder / "layer")
            cache.adopt(folder / "layer", digest)
    cache.remember("layers", str(digest), record_of(layer))
    return replace(layer, blob=cache.blob(digest))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
