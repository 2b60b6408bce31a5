"""The runtime image that is locked, taken from a published version that stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.errors import AlgoError
from algo.events import Note, Step
from algo.images.config import (
    BASE_DIGEST,
    LANGUAGE,
    LANGUAGE_VERSION,
    OWN_BASE,
    SYSTEM_PACKAGES,
    variables_of,
)
from algo.images.image import Layer, LayerKind
from algo.images.runtime import adopt_runtime
from algo.oci import media_types
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.oci.manifest import ImageConfig, ImageManifest, Index, decode
from algo.publish.contents import layer_names
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.recipe import RuntimeRecipe
    from algo.images.runtime import RuntimeImage
    from algo.oci.descriptor import Descriptor
    from algo.project.project import Project
    from algo.registry.interface import Registry

# The newest versions stand on the newest runtime images.
_LOOKED_AT = 8
_LARGEST_CONFIG = 4 << 20


class PublishedRuntimes(Value, frozen=True):
    """Finds them where a project is published.

    Args:
        open: Opens the registry of a host, the embedded store for an empty one.
        cache: Takes the layers.
    """

    open: Callable[[str], Registry]
    cache: Cache

    def find(
        self, project: Project, recipe: RuntimeRecipe, digest: str, *, notify: Notify
    ) -> RuntimeImage | None:
        """Return the runtime image of `digest`, None where no version has it.

        Its digest is over all of it, so nobody has to be trusted for its content.
        """
        try:
            return self._find(project, recipe, digest, notify)
        except AlgoError as error:
            notify(Note(f"the locked runtime image is looked for in vain: {error.message}"))
            return None

    def _find(
        self, project: Project, recipe: RuntimeRecipe, digest: str, notify: Notify
    ) -> RuntimeImage | None:
        from algo.publish.destination import destination
        from algo.publish.find import versions_of

        target = destination("", project)
        registry, repository = self.open(target.host), target.repository
        for version in versions_of(registry, repository)[:_LOOKED_AT]:
            manifest = _manifest(registry, repository, str(version), recipe.platform)
            if manifest is None:
                continue
            config = _config(registry, repository, manifest.config.value())
            labels = config.config.labels
            if labels.get(BASE_DIGEST) != digest or not _is_of(recipe, labels):
                continue
            layers = tuple(self._layers(manifest, config))
            search_path, variables = variables_of(config.config.env)
            found = adopt_runtime(recipe, layers, search_path, variables, self.cache)
            if str(found.digest) != digest:
                continue
            notify(Step(f"Fetching the locked runtime image from {repository}:{version}"))
            for layer in layers:
                self._fetch(registry, repository, layer.descriptor)
            found.keep(self.cache)
            return found
        return None

    def _layers(self, manifest: ImageManifest, config: ImageConfig) -> Iterator[Layer]:
        named = zip(
            manifest.layers, config.rootfs.diff_ids, list(layer_names(config)), strict=False
        )
        for document, diff_id, (kind, name) in named:
            if kind is LayerKind.RUNTIME:
                descriptor = document.value()
                blob = self.cache.blob(descriptor.digest)
                yield Layer(descriptor, Digest.parse(diff_id), kind, name, blob, reused=True)

    def _fetch(self, registry: Registry, repository: str, descriptor: Descriptor) -> None:
        if self.cache.has(descriptor.digest, descriptor.size):
            return
        with self.cache.scratch() as folder:
            path = folder / "layer"
            with path.open("wb") as file:
                for chunk in registry.open_blob(repository, descriptor):
                    file.write(chunk)
            self.cache.adopt(path, descriptor.digest)


def _is_of(recipe: RuntimeRecipe, labels: Mapping[str, str]) -> bool:
    """Tell whether an image stands on what `recipe` makes; its runtime image may be of before.

    Without this, whoever adds a system package would get the runtime image that lacks it.
    """
    wanted = {
        LANGUAGE: recipe.spec.language,
        LANGUAGE_VERSION: recipe.spec.version,
        SYSTEM_PACKAGES: " ".join(sorted(recipe.system_packages)),
        OWN_BASE: recipe.own_base,
    }
    return all(labels.get(name, "") == value for name, value in wanted.items())


def _manifest(registry: Registry, repository: str, tag: str, platform: str) -> ImageManifest | None:
    data, described = registry.get_manifest(repository, tag)
    if described.media_type in media_types.INDEXES:
        listed = [one.value() for one in decode(data, Index).manifests]
        fitting = [one for one in listed if str(one.platform) == platform]
        if not fitting:
            return None
        data, _ = registry.get_manifest(repository, str(fitting[0].digest))
    return decode(data, ImageManifest)


def _config(registry: Registry, repository: str, descriptor: Descriptor) -> ImageConfig:
    if descriptor.size > _LARGEST_CONFIG:
        raise BadDocument(f"the image's config is {descriptor.size} bytes long")
    return decode(b"".join(registry.open_blob(repository, descriptor)), ImageConfig)
