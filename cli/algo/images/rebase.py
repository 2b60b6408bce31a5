"""Put an image onto another runtime image, without making any of its own layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.images.config import (
    LANGUAGE,
    LANGUAGE_VERSION,
    OWN_BASE,
    SYSTEM_PACKAGES,
    reassemble,
)
from algo.images.errors import CannotRebase
from algo.images.image import LayerKind
from algo.images.recipe import read_recipe
from algo.oci.manifest import ImageConfig, decode

if TYPE_CHECKING:
    from algo.images.cache import Cache
    from algo.images.image import BuiltImage
    from algo.images.recipe import RuntimeRecipe
    from algo.images.runtime import RuntimeImage
    from algo.languages.runtimes import Runtimes
    from algo.oci.descriptor import Platform


def rebase(image: BuiltImage, runtime: RuntimeImage, cache: Cache) -> BuiltImage:
    """Return `image` on `runtime`; gateway, packages, models and code are the same blobs.

    Raises:
        CannotRebase: The platform or the language's version is another one.
    """
    labels = decode(image.config_bytes, ImageConfig).config.labels
    was, now = labels.get(LANGUAGE_VERSION, "unknown"), runtime.recipe.spec.version
    language = runtime.recipe.spec.language
    if was != now:
        raise CannotRebase(
            f"{image.name} is for {language} {was}, the runtime image has {now}: "
            "its packages must be installed anew"
        )
    if image.platform != runtime.image.platform:
        raise CannotRebase(
            f"{image.name} is for {image.platform}, the runtime image for {runtime.image.platform}"
        )
    own = [layer for layer in image.layers if layer.kind is not LayerKind.RUNTIME]
    return reassemble(image, (*runtime.layers, *own), runtime.below, cache)


def recipe_of(image: BuiltImage, runtimes: Runtimes, host: Platform) -> RuntimeRecipe:
    """Return what the runtime image for `image` is made from, by what the image says of itself.

    Raises:
        CannotRebase: It stands on a base that its project chose, or does not say.
    """
    labels = decode(image.config_bytes, ImageConfig).config.labels
    if labels.get(OWN_BASE):
        raise CannotRebase(
            f"{image.name} stands on a base of its own, which only its project knows",
            hint="in the folder of its project: algo build --rebase",
        )
    if LANGUAGE not in labels:
        raise CannotRebase(f"{image.name} does not say which language it is in")
    packages = tuple(labels.get(SYSTEM_PACKAGES, "").split())
    platform = str(image.platform)
    return read_recipe(runtimes, labels[LANGUAGE], platform, packages, host=str(host))
