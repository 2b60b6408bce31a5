"""The config and the manifest of an algorithm image: the same content, the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from algo.images.image import BuiltImage, LayerKind
from algo.oci import manifest as documents
from algo.oci import media_types
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.images.cache import Cache
    from algo.images.image import Layer
    from algo.oci.descriptor import Platform
    from algo.project.manifest import Manifest

ROOT = "opt/algo"
GATEWAY = f"{ROOT}/gateway"
PACKAGES = f"{ROOT}/packages"
APP = f"{ROOT}/app"
DESCRIPTION = f"{ROOT}/algorithm.json"
# Jobs are kept here, where it can be written: everybody may, as in /tmp (the runtime's Dockerfile).
JOBS = "var/lib/algo"
PORT = 8080
USER = "65532:65532"


def runner_place(language: str) -> str:
    """Return where the runner of `language` lies in the image."""
    return f"{ROOT}/runtimes/{language}"


def assemble(
    project: Manifest,
    platform: Platform,
    layers: Sequence[Layer],
    search_path: str,
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
        search_path: PATH in the runtime image.
        cache: Takes the config.
        created: Seconds since 1970 that the image says it is from (`SOURCE_DATE_EPOCH`).
    """
    container = _container(project, search_path)
    return _store(project.algorithm.name, platform, layers, container, cache, created)


def assemble_runtime(
    name: str, platform: Platform, layers: Sequence[Layer], search_path: str, cache: Cache
) -> BuiltImage:
    """Return the image of a runtime's `layers` alone, its config stored in the cache."""
    container = documents.ContainerConfig(env=(f"PATH={search_path}", "LANG=C.UTF-8"))
    return _store(name, platform, layers, container, cache, 0)


def _store(
    name: str,
    platform: Platform,
    layers: Sequence[Layer],
    container: documents.ContainerConfig,
    cache: Cache,
    created: int,
) -> BuiltImage:
    when = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
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


def _container(project: Manifest, search_path: str) -> documents.ContainerConfig:
    return documents.ContainerConfig(
        user=USER,
        exposed_ports={f"{PORT}/tcp": {}},
        env=(
            f"PATH={search_path}",
            "LANG=C.UTF-8",
            "HOME=/tmp",
            f"PYTHONPATH=/{GATEWAY}",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONUNBUFFERED=1",
            f"ALGO_JOBS=/{JOBS}",
        ),
        cmd=_command(project.algorithm.language),
        working_dir=f"/{APP}",
        labels=_labels(project),
        stop_signal="SIGTERM",
    )


def _command(language: str) -> tuple[str, ...]:
    options = {
        "--algorithm": f"/{DESCRIPTION}",
        "--app": f"/{APP}",
        "--runtime": f"/{runner_place(language)}",
        "--packages": f"/{PACKAGES}",
        "--host": "0.0.0.0",
        "--port": str(PORT),
    }
    flat = (word for option in options.items() for word in option)
    return ("python3", "-m", "algo_gateway", *flat)


def _labels(project: Manifest) -> dict[str, str]:
    algorithm = project.algorithm
    labels = {
        "dev.algo.language": algorithm.language,
        "dev.algo.name": algorithm.name,
        "org.opencontainers.image.authors": ", ".join(algorithm.authors),
        "org.opencontainers.image.description": algorithm.description,
        "org.opencontainers.image.licenses": algorithm.license,
        "org.opencontainers.image.source": algorithm.repository,
        "org.opencontainers.image.title": algorithm.name.split("/")[-1],
    }
    return {name: value for name, value in labels.items() if value}


def _history(layer: Layer, when: str) -> documents.History:
    what = layer.kind if layer.kind != LayerKind.MODEL else f"{layer.kind} {layer.name}"
    return documents.History(created=when, created_by=f"algo: {what}")
