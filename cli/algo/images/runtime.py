"""The runtime image of a language: built by an engine once, then cached as layers."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from algo.errors import AlgoError
from algo.events import Step
from algo.images.apt import apt_problem
from algo.images.config import Below, assemble_runtime
from algo.images.errors import (
    DebianUnreachable,
    RuntimeUnavailable,
    SystemPackageUnknown,
)
from algo.images.image import Layer, LayerKind
from algo.images.layer import LayerRecord, record_of, write_blob
from algo.images.recipe import host_platform
from algo.images.saved import SavedImage, copy_layer, plain
from algo.languages.errors import RuntimeInvalid
from algo.oci.descriptor import Platform
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.image import BuiltImage
    from algo.images.interface import Built, ImageEngine
    from algo.images.recipe import RuntimeRecipe
    from algo.images.tar import LayerWriter
    from algo.oci.digest import Digest
    from algo.storage.tar import Content, Readable

_NOTES = "runtimes"
# What the kernel says of a program for another processor (ENOEXEC).
_NOT_OURS = "exec format error"
_EMULATION = "docker run --privileged --rm tonistiigi/binfmt --install all"
# How Docker's builder announces a line of the Dockerfile.
_STEP = re.compile(r"Step (\d+)/(\d+) :")
# What the Dockerfile says of a package whose scripts know nothing of another root.
_FOREIGN = re.compile(r"algo-foreign: (\S+)")


class _Config(msgspec.Struct, frozen=True):
    Env: tuple[str, ...] | None = None


class _RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...]


class _ImageConfig(msgspec.Struct, frozen=True):
    os: str
    architecture: str
    rootfs: _RootFs
    config: _Config = _Config()


class _ArchiveManifest(msgspec.Struct, frozen=True):
    Config: str
    Layers: tuple[str, ...]


class _Record(msgspec.Struct, frozen=True):
    layers: tuple[LayerRecord, ...]
    path: str
    variables: tuple[str, ...] = ()


class RuntimeImage(Value, frozen=True):
    """A runtime image in the cache.

    Args:
        recipe: What it was made from.
        image: The image, which holds nothing of the machine that built it.
        path: The value of PATH in it.
        variables: What else its base sets, each `NAME=value`.
    """

    recipe: RuntimeRecipe
    image: BuiltImage
    path: str
    variables: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Its layers, from the bottom up."""
        return self.image.layers

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self.image.digest

    @property
    def below(self) -> Below:
        """What images on it must know."""
        return Below(
            name=self.image.tag,
            digest=self.digest,
            search_path=self.path,
            version=self.recipe.spec.version,
            system_packages=self.recipe.system_packages,
            variables=self.variables,
            own_base=self.recipe.own_base,
        )

    def share(self, source: Cache, target: Cache) -> None:
        """Give the cache `target` what `source` has of it, without copying."""
        for layer in self.layers:
            place = target.blob(layer.descriptor.digest)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.hardlink_to(source.blob(layer.descriptor.digest))
        self.keep(target)

    def keep(self, cache: Cache) -> None:
        """Have `cache`, which holds its layers, find it by its recipe."""
        records = tuple(record_of(layer) for layer in self.layers)
        cache.remember(_NOTES, self.recipe.key, _Record(records, self.path, self.variables))


def find_runtime(recipe: RuntimeRecipe, cache: Cache) -> RuntimeImage | None:
    """Return the cached runtime image of `recipe`, None when it is not there whole."""
    record = cache.recall(_NOTES, recipe.key, _Record)
    if record is None or not all(one.whole(cache) for one in record.layers):
        return None
    kind = LayerKind.RUNTIME
    layers = tuple(one.layer(cache, kind, "runtime", reused=True) for one in record.layers)
    return _image(recipe, layers, record.path, record.variables, cache)


def ensure_runtime(
    recipe: RuntimeRecipe,
    cache: Cache,
    engine: ImageEngine | None,
    *,
    native: Callable[[], RuntimeRecipe] | None = None,
    fresh: bool = False,
    notify: Notify,
) -> RuntimeImage:
    """Return the runtime image of `recipe`, built and exported first when it is not cached.

    Args:
        recipe: What to make it from.
        cache: Where it is kept.
        engine: What makes it.
        native: Gives the recipe that runs the platform's own programs, for packages that cannot
            be put in otherwise.
        fresh: Make it anew, of what the distribution has today.
        notify: Gets steps.

    Raises:
        RuntimeUnavailable: It is not cached and there is no engine to build it.
        SystemPackageUnknown: The distribution lacks a package that is asked for.
        DebianUnreachable: Its packages cannot be fetched.
        ImageBuildFailed: The engine could not build it.
    """
    found = None if fresh else find_runtime(recipe, cache)
    if found is not None:
        return found
    if engine is None:
        raise RuntimeUnavailable(
            f"the runtime image for {recipe.spec.language} {recipe.spec.version} on "
            f"{recipe.platform} is not cached, and no container engine answers to build it"
        )
    with cache.locked("runtime"):
        found = None if fresh else find_runtime(recipe, cache)
        if found is None and recipe.assembled:
            found = _assemble(recipe, native, cache, engine, notify)
        return found or _build(recipe, cache, engine, notify)


def _assemble(
    recipe: RuntimeRecipe,
    native: Callable[[], RuntimeRecipe] | None,
    cache: Cache,
    engine: ImageEngine,
    notify: Notify,
) -> RuntimeImage:
    """Return the image for another processor, by running nothing of it where that is possible."""
    try:
        return _build(recipe, cache, engine, notify)
    except (SystemPackageUnknown, DebianUnreachable):
        raise
    except AlgoError as error:
        packages = _FOREIGN.findall(error.details)
        if not packages:
            raise
        names = ", ".join(dict.fromkeys(packages))
        notify(Step(f"{names} must be run for {recipe.platform} to be installed: trying that"))
        try:
            if native is None:
                raise
            own = native()
            return find_runtime(own, cache) or _build(own, cache, engine, notify)
        except AlgoError as other:
            raise RuntimeUnavailable(
                f"{names} cannot be put into an image for {recipe.platform} here: the package's "
                "own scripts must run there",
                hint=_foreign_hint(recipe),
                details=other.message,
            ) from other


def _build(
    recipe: RuntimeRecipe, cache: Cache, engine: ImageEngine, notify: Notify
) -> RuntimeImage:
    what = f"Building the runtime image for {recipe.spec.language} {recipe.spec.version}"
    notify(Step(what))
    packages = " ".join(sorted(recipe.system_packages))
    arguments = {"SYSTEM_PACKAGES": packages} if packages else {}
    if recipe.assembled:
        arguments["ARCH"] = Platform.parse(recipe.platform).architecture
    here = str(host_platform())
    base, own = recipe.spec.base, None
    if recipe.chosen:
        from algo.images.bases import build_base

        try:
            base, own = build_base(recipe, engine, cache, notify)
        except AlgoError as error:
            raise _unrunnable(error, recipe) or error from error
    try:
        built = engine.build(
            recipe.dockerfile,
            base,
            recipe.tag,
            arguments,
            here if recipe.assembled else recipe.platform,
            lambda line: _tell(line, what, notify),
            dict(recipe.files),
        )
    except AlgoError as error:
        problem = apt_problem(error, recipe) or _unrunnable(error, recipe)
        if problem is not None:
            raise problem from error
        if recipe.assembled or recipe.platform == here:
            raise
        text = f"this engine cannot build the runtime image for {recipe.platform}"
        hint = _foreign_hint(recipe)
        raise RuntimeUnavailable(text, hint=hint, details=error.details) from error
    finally:
        if own is not None:
            engine.remove(base)
    if recipe.chosen and recipe.platform == here:
        from algo.images.bases import require_language

        require_language(recipe, engine, cache)
    notify(Step("Storing the runtime image's layers"))
    try:
        hidden = built.private | (own.private if own is not None else frozenset())
        return _store(recipe, cache, engine.export(recipe.tag), built, hidden)
    finally:
        engine.remove(recipe.tag)


def _tell(line: str, what: str, notify: Notify) -> None:
    step = _STEP.match(line)
    if step:
        notify(Step(f"{what}: step {step[1]} of {step[2]}"))


def _store(
    recipe: RuntimeRecipe,
    cache: Cache,
    archive: Iterator[bytes],
    built: Built,
    hidden: frozenset[str],
) -> RuntimeImage:
    with cache.scratch() as folder:
        path = folder / "runtime.tar"
        with path.open("wb") as file:
            for chunk in archive:
                file.write(chunk)
        with SavedImage(path) as saved:
            (manifest,) = msgspec.json.decode(
                saved.document("manifest.json"), type=tuple[_ArchiveManifest, ...]
            )
            config = msgspec.json.decode(saved.document(manifest.Config), type=_ImageConfig)
            if not recipe.assembled:
                _check_platform(f"{config.os}/{config.architecture}", recipe)
            named = zip(manifest.Layers, config.rootfs.diff_ids, strict=True)
            layers = tuple(
                _store_layer(cache, saved.part(name), diff_id, built.began)
                for name, diff_id in named
                if diff_id not in hidden
            )
    search = [one[len("PATH=") :] for one in config.config.Env or () if one.startswith("PATH=")]
    search_path = search[0] if search else "/usr/bin:/bin"
    variables = tuple(
        one
        for one in config.config.Env or ()
        if not one.startswith("PATH=") and one not in built.variables
    )
    records = tuple(record_of(layer) for layer in layers)
    cache.remember(_NOTES, recipe.key, _Record(records, search_path, variables))
    return _image(recipe, layers, search_path, variables, cache)


def _check_platform(made: str, recipe: RuntimeRecipe) -> None:
    """Refuse an image of another platform: engines use the base they have, without a word."""
    if made != recipe.platform:
        raise RuntimeUnavailable(
            f"the engine built the runtime image for {made} when asked for {recipe.platform}: "
            f"its {recipe.spec.base} is for {made}",
            hint=_foreign_hint(recipe),
        )


def _unrunnable(error: AlgoError, recipe: RuntimeRecipe) -> RuntimeUnavailable | None:
    """Return what `error` means where steps cannot be run on this machine; None otherwise."""
    if _NOT_OURS not in error.details:
        return None
    return RuntimeUnavailable(
        f"this machine cannot run programs for {recipe.platform}, and the steps on "
        f"{' and '.join(recipe.chosen) or recipe.spec.base} must be",
        hint=f"{_EMULATION}, then again: algo build --platform {recipe.platform}",
        details=error.message,
    )


def _foreign_hint(recipe: RuntimeRecipe) -> str:
    base = recipe.chosen[0] if recipe.chosen else recipe.spec.base
    return (
        f"docker pull --platform {recipe.platform} {base}, on an engine that "
        f"can run it ({_EMULATION})"
    )


def adopt_runtime(
    recipe: RuntimeRecipe,
    layers: tuple[Layer, ...],
    path: str,
    variables: tuple[str, ...],
    cache: Cache,
) -> RuntimeImage:
    """Return the runtime image of layers that were made elsewhere; only its digest vouches for it.

    Its layers need not be in the cache yet, and it is not kept.
    """
    return _image(recipe, layers, path, variables, cache)


def _image(
    recipe: RuntimeRecipe,
    layers: tuple[Layer, ...],
    path: str,
    variables: tuple[str, ...],
    cache: Cache,
) -> RuntimeImage:
    name, platform = f"runtime/{recipe.spec.language}", Platform.parse(recipe.platform)
    image = assemble_runtime(name, platform, layers, path, cache)
    return RuntimeImage(recipe, image, path, variables)


def _store_layer(cache: Cache, source: Content, diff_id: str, began: int) -> Layer:
    """Store a layer with the times of the build taken out; what a package brought keeps its own.

    Two builds of the same packages then give the same layer, and compiled files that carry
    their source's time stay valid.
    """
    checked = _Checked(plain(source))

    def copy(writer: LayerWriter) -> None:
        copy_layer(checked, writer, latest=began)

    layer = write_blob(cache, LayerKind.RUNTIME, "runtime", copy, compress=True)
    if checked.diff_id != diff_id:
        raise RuntimeInvalid(f"the engine exported a layer that is not {diff_id}")
    return layer


class _Checked:
    """A stream that knows the digest of what was read from it."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Read on."""
        data = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def diff_id(self) -> str:
        """The digest of all that was read."""
        return f"sha256:{self._hash.hexdigest()}"
