"""The runtime image of a language: built by an engine once, then cached as layers."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from algo.errors import AlgoError
from algo.events import Step
from algo.images.config import assemble_runtime
from algo.images.errors import RuntimeInvalid, RuntimeUnavailable
from algo.images.image import REPOSITORY, Layer, LayerKind
from algo.images.layer import LayerRecord, record_of, write_blob
from algo.images.saved import SavedImage, copy_layer, plain
from algo.oci.descriptor import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.events import Notify
    from algo.images.cache import Cache
    from algo.images.image import BuiltImage
    from algo.images.interface import Built, ImageEngine
    from algo.images.tar import LayerWriter
    from algo.oci.digest import Digest
    from algo.storage.tar import Content, Readable

_FORMAT = "1"
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
_NOTES = "runtimes"
# How Docker's builder announces a line of the Dockerfile.
_STEP = re.compile(r"Step (\d+)/(\d+) :")


class RuntimeSpec(msgspec.Struct, frozen=True):
    """What `runtime.toml` says: the language, its version in the image, the base image."""

    language: str
    version: str
    base: str


@dataclass(frozen=True, slots=True)
class RuntimeRecipe:
    """Everything a runtime image is made from.

    Args:
        spec: The language's `runtime.toml`.
        dockerfile: The bytes of its Dockerfile.
        platform: `linux/amd64`.
        system_packages: The Debian packages that the project asks for.
    """

    spec: RuntimeSpec
    dockerfile: bytes
    platform: str
    system_packages: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A digest over all of it, in hex."""
        parts = [_FORMAT, self.spec.language, self.spec.version, self.spec.base, self.platform]
        text = "\0".join([*parts, *sorted(self.system_packages), ""]).encode()
        return hashlib.sha256(text + self.dockerfile).hexdigest()

    @property
    def tag(self) -> str:
        """What the engine calls the image while this process builds it."""
        return f"{REPOSITORY}/build/{self.spec.language}:{self.key[:12]}-{os.getpid()}"


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


@dataclass(frozen=True, slots=True)
class RuntimeImage:
    """A runtime image in the cache.

    Args:
        recipe: What it was made from.
        image: The image, which holds nothing of the machine that built it.
        path: The value of PATH in it.
    """

    recipe: RuntimeRecipe
    image: BuiltImage
    path: str

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Its layers, from the bottom up."""
        return self.image.layers

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self.image.digest


def read_spec(runtimes: Path, language: str) -> RuntimeSpec:
    """Return the `runtime.toml` of `language` below the folder `runtimes`.

    Raises:
        RuntimeInvalid: There is none, or it cannot be read.
    """
    path = runtimes / language / "runtime.toml"
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), RuntimeSpec)
    except FileNotFoundError as error:
        known = sorted(one.parent.name for one in runtimes.glob("*/runtime.toml"))
        raise RuntimeInvalid(
            f"there is no runtime for {language!r}",
            hint=f"set language to one of: {', '.join(known)}",
        ) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RuntimeInvalid(f"{language}/runtime.toml cannot be read: {error}") from error


def read_recipe(
    runtimes: Path, language: str, platform: str, system_packages: tuple[str, ...]
) -> RuntimeRecipe:
    """Return the recipe of `language` below the folder `runtimes`.

    Raises:
        RuntimeInvalid: The language has no runtime, or one that cannot be read.
    """
    spec = read_spec(runtimes, language)
    dockerfile = (runtimes / language / "Dockerfile").read_bytes()
    return RuntimeRecipe(spec, dockerfile, platform, system_packages)


def find_runtime(recipe: RuntimeRecipe, cache: Cache) -> RuntimeImage | None:
    """Return the cached runtime image of `recipe`, None when it is not there whole."""
    record = cache.recall(_NOTES, recipe.key, _Record)
    if record is None or not all(one.whole(cache) for one in record.layers):
        return None
    kind = LayerKind.RUNTIME
    layers = tuple(one.layer(cache, kind, "runtime", reused=True) for one in record.layers)
    return _image(recipe, layers, record.path, cache)


def host_platform() -> Platform:
    """Return the platform of containers on this machine: Linux on its processor."""
    import platform

    machine = platform.machine()
    return Platform("linux", _MACHINES.get(machine, machine))


def ensure_runtime(
    recipe: RuntimeRecipe, cache: Cache, engine: ImageEngine | None, *, notify: Notify
) -> RuntimeImage:
    """Return the runtime image of `recipe`, built and exported first when it is not cached.

    Raises:
        RuntimeUnavailable: It is not cached and there is no engine to build it.
        ImageBuildFailed: The engine could not build it.
    """
    found = find_runtime(recipe, cache)
    if found is not None:
        return found
    if engine is None:
        raise RuntimeUnavailable(
            f"the runtime image for {recipe.spec.language} {recipe.spec.version} on "
            f"{recipe.platform} is not cached, and no container engine answers to build it"
        )
    with cache.locked("runtime"):
        return find_runtime(recipe, cache) or _build(recipe, cache, engine, notify)


def _build(
    recipe: RuntimeRecipe, cache: Cache, engine: ImageEngine, notify: Notify
) -> RuntimeImage:
    what = f"Building the runtime image for {recipe.spec.language} {recipe.spec.version}"
    notify(Step(what))
    packages = " ".join(sorted(recipe.system_packages))
    try:
        built = engine.build(
            recipe.dockerfile,
            recipe.spec.base,
            recipe.tag,
            {"SYSTEM_PACKAGES": packages} if packages else {},
            recipe.platform,
            lambda line: _tell(line, what, notify),
        )
    except AlgoError as error:
        if recipe.platform == str(host_platform()):
            raise
        text = f"this engine cannot build the runtime image for {recipe.platform}"
        hint = _foreign_hint(recipe)
        raise RuntimeUnavailable(text, hint=hint, details=error.details) from error
    notify(Step("Storing the runtime image's layers"))
    try:
        return _store(recipe, cache, engine.export(recipe.tag), built)
    finally:
        engine.remove(recipe.tag)


def _tell(line: str, what: str, notify: Notify) -> None:
    step = _STEP.match(line)
    if step:
        notify(Step(f"{what}: step {step[1]} of {step[2]}"))


def _store(
    recipe: RuntimeRecipe, cache: Cache, archive: Iterator[bytes], built: Built
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
            _check_platform(f"{config.os}/{config.architecture}", recipe)
            named = zip(manifest.Layers, config.rootfs.diff_ids, strict=True)
            layers = tuple(
                _store_layer(cache, saved.part(name), diff_id, built.began)
                for name, diff_id in named
                if diff_id not in built.private
            )
    search = [one[len("PATH=") :] for one in config.config.Env or () if one.startswith("PATH=")]
    search_path = search[0] if search else "/usr/bin:/bin"
    records = tuple(record_of(layer) for layer in layers)
    cache.remember(_NOTES, recipe.key, _Record(records, search_path))
    return _image(recipe, layers, search_path, cache)


def _check_platform(made: str, recipe: RuntimeRecipe) -> None:
    """Refuse an image of another platform: engines use the base they have, without a word."""
    if made != recipe.platform:
        raise RuntimeUnavailable(
            f"the engine built the runtime image for {made} when asked for {recipe.platform}: "
            f"its {recipe.spec.base} is for {made}",
            hint=_foreign_hint(recipe),
        )


def _foreign_hint(recipe: RuntimeRecipe) -> str:
    return (
        f"docker pull --platform {recipe.platform} {recipe.spec.base}, on an engine that "
        "can run it (docker run --privileged --rm tonistiigi/binfmt --install all)"
    )


def _image(
    recipe: RuntimeRecipe, layers: tuple[Layer, ...], path: str, cache: Cache
) -> RuntimeImage:
    name, platform = f"runtime/{recipe.spec.language}", Platform.parse(recipe.platform)
    return RuntimeImage(recipe, assemble_runtime(name, platform, layers, path, cache), path)


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
