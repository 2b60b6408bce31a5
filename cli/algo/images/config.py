"""The config and the manifest of an algorithm image: the same content, the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from algo.images.image import BuiltImage, LayerKind
from algo.oci import manifest as documents
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.images.cache import Cache
    from algo.images.image import Layer
    from algo.oci.descriptor import Platform
    from algo.project.manifest import Manifest

ROOT = "opt/algo"
GATEWAY = f"{ROOT}/gateway"
PACKAGES = f"{ROOT}/packages"
PROGRAM = f"{ROOT}/program"
APP = f"{ROOT}/app"
DESCRIPTION = f"{ROOT}/algorithm.json"
# Jobs are kept here, where it can be written: everybody may, as in /tmp (the runtime's Dockerfile).
JOBS = "var/lib/algo"
PORT = 8080
USER = "65532:65532"


_OCI = "org.opencontainers.image."
LANGUAGE, LANGUAGE_VERSION = "dev.algo.language", "dev.algo.language-version"
BASE_DIGEST = f"{_OCI}base.digest"
SYSTEM_PACKAGES, OWN_BASE = "dev.algo.system-packages", "dev.algo.own-base"


class Below(Value, frozen=True):
    """What an algorithm's layers lie on.

    Args:
        name: What a container engine calls the runtime image.
        digest: Its digest.
        search_path: PATH in it.
        version: Of its language.
        system_packages: The Debian packages that were asked for besides.
        variables: Other variables that it sets, each `NAME=value`.
        own_base: A digest of what the project chose that to be made on, empty where it did not.
    """

    name: str
    digest: Digest
    search_path: str
    version: str
    system_packages: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    own_base: str = ""

    def labels(self) -> dict[str, str]:
        """Return what an image says of it."""
        return {
            LANGUAGE_VERSION: self.version,
            SYSTEM_PACKAGES: " ".join(sorted(self.system_packages)),
            OWN_BASE: self.own_base,
            BASE_DIGEST: str(self.digest),
            f"{_OCI}base.name": self.name,
        }


def runner_place(language: str) -> str:
    """Return where the runner of `language` lies in the image."""
    return f"{ROOT}/runtimes/{language}"


def assemble(
    project: Manifest,
    platform: Platform,
    layers: Sequence[Layer],
    below: Below,
    cache: Cache,
    *,
    created: int,
) -> BuiltImage:
    """Return the image of `layers`, its config and manifest stored in the cache.

    Nothing in it depends on the version, the machine or the day.

    Args:
        project: Gives the name, the language and the labels.
        platform: What the image runs on.
        layers: From the bottom up.
        below: What the runtime's layers are.
        cache: Takes the config.
        created: Seconds since 1970 that the image says it is from (`SOURCE_DATE_EPOCH`).
    """
    program = any(layer.kind is LayerKind.PROGRAM for layer in layers)
    container = _container(project, below, program=program)
    return _store(project.algorithm.name, platform, layers, container, cache, _time(created))


def reassemble(
    image: BuiltImage, layers: Sequence[Layer], below: Below, cache: Cache
) -> BuiltImage:
    """Return `image` with other layers on another runtime image, all else as it was."""
    config = documents.decode(image.config_bytes, documents.ImageConfig)
    labels = {**config.config.labels, **below.labels()}
    container = msgspec.structs.replace(
        config.config,
        env=_variables(below),
        labels=_present(labels),
    )
    made = _store(image.name, image.platform, layers, container, cache, config.created)
    return replace(made, runtime=below.digest)


def assemble_runtime(
    name: str, platform: Platform, layers: Sequence[Layer], search_path: str, cache: Cache
) -> BuiltImage:
    """Return the image of a runtime's `layers` alone, its config stored in the cache."""
    container = documents.ContainerConfig(env=(f"PATH={search_path}", "LANG=C.UTF-8"))
    return _store(name, platform, layers, container, cache, _time(0))


def _store(
    name: str,
    platform: Platform,
    layers: Sequence[Layer],
    container: documents.ContainerConfig,
    cache: Cache,
    when: str,
) -> BuiltImage:
    config_bytes = documents.encode(
        documents.ImageConfig(
            architecture=platform.architecture,
            os=platform.os,
            config=container,
            rootfs=documents.RootFs("layers", tuple(str(layer.diff_id) for layer in layers)),
            created=when,
            history=tuple(_history(layer, when) for layer in layers),
        )
    )
    digest = cache.put(config_bytes)
    config = Descriptor(media_types.CONFIG, digest, len(config_bytes))
    manifest = documents.encode(
        documents.ImageManifest(
            schema_version=2,
            media_type=media_types.MANIFEST,
            config=documents.DescriptorDocument.of(config),
            layers=tuple(documents.DescriptorDocument.of(layer.descriptor) for layer in layers),
            annotations=_annotations(container.labels, when),
        )
    )
    return BuiltImage(
        name=name,
        platform=platform,
        digest=Digest.of(manifest),
        manifest=manifest,
        config=config,
        config_bytes=config_bytes,
        config_blob=cache.blob(digest),
        layers=tuple(layers),
    )


def _time(created: int) -> str:
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _annotations(labels: dict[str, str], when: str) -> dict[str, str]:
    """Return the labels that the OCI image specification names, for who reads no config."""
    found = {name: value for name, value in labels.items() if name.startswith(_OCI)}
    return dict(sorted({**found, f"{_OCI}created": when}.items())) if found else {}


def variables_of(env: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return PATH, and what the base sets besides, from the variables of an algorithm's image."""
    search = next((one[len("PATH=") :] for one in env if one.startswith("PATH=")), "")
    below = Below("", Digest.of(b""), search, "")
    ours = {one.partition("=")[0] for one in _variables(below)}
    return search, tuple(one for one in env if one.partition("=")[0] not in ours)


def _variables(below: Below) -> tuple[str, ...]:
    own = (
        f"PATH={below.search_path}",
        "LANG=C.UTF-8",
        "HOME=/tmp",
        f"PYTHONPATH=/{GATEWAY}",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONUNBUFFERED=1",
        f"ALGO_JOBS=/{JOBS}",
    )
    ours = {one.partition("=")[0] for one in own}
    return (*own, *(one for one in below.variables if one.partition("=")[0] not in ours))


def _container(project: Manifest, below: Below, *, program: bool) -> documents.ContainerConfig:
    return documents.ContainerConfig(
        user=USER,
        exposed_ports={f"{PORT}/tcp": {}},
        env=_variables(below),
        cmd=_command(project.algorithm.language, program=program),
        working_dir=f"/{APP}",
        labels=_labels(project, below),
        stop_signal="SIGTERM",
    )


def _command(language: str, *, program: bool) -> tuple[str, ...]:
    options = {
        "--algorithm": f"/{DESCRIPTION}",
        "--app": f"/{APP}",
        "--runtime": f"/{runner_place(language)}",
        "--packages": f"/{PACKAGES}",
        **({"--program": f"/{PROGRAM}"} if program else {}),
        "--host": "0.0.0.0",
        "--port": str(PORT),
    }
    flat = (word for option in options.items() for word in option)
    return ("python3", "-m", "algo_gateway", *flat)


def _labels(project: Manifest, below: Below) -> dict[str, str]:
    algorithm = project.algorithm
    owner, _, name = algorithm.name.partition("/")
    labels = {
        LANGUAGE: algorithm.language,
        "dev.algo.name": algorithm.name,
        f"{_OCI}authors": ", ".join(algorithm.authors),
        f"{_OCI}description": algorithm.description,
        f"{_OCI}licenses": algorithm.license,
        f"{_OCI}source": algorithm.repository,
        f"{_OCI}title": name,
        f"{_OCI}url": algorithm.repository,
        f"{_OCI}vendor": owner,
    }
    return _present({**labels, **below.labels()})


def _present(labels: dict[str, str]) -> dict[str, str]:
    return {name: labels[name] for name in sorted(labels) if labels[name]}


def _history(layer: Layer, when: str) -> documents.History:
    what = layer.kind if layer.kind != LayerKind.MODEL else f"{layer.kind} {layer.name}"
    return documents.History(created=when, created_by=f"algo: {what}")
