"""Docker and podman take images that we wrote to a registry, and we take theirs."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.manifest import DescriptorDocument, ImageManifest, Index, decode, encode
from algo.oci.media_types import DOCKER_MANIFEST, INDEX, MANIFEST
from algo.registry.copy import copy_version
from algo.registry.layout import LayoutStore
from algo.registry.sending import Outgoing, push_blobs

from tests.contract.registry.conftest import remote
from tests.contract.registry.content import NAME
from tests.fakes.built import AMD64, built_image
from tests.machine.podman import run_podman

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.image import BuiltImage

    from tests.conftest import Engine


@pytest.fixture
def published(docker_registry: str, name: str, tmp_path: Path) -> tuple[str, BuiltImage]:
    """A reference of a version of ours, and its image."""
    image = built_image(tmp_path)
    registry = remote(docker_registry)
    blobs = [Outgoing(layer.descriptor, layer.blob) for layer in image.layers]
    blobs.append(Outgoing(image.config, image.config_bytes))
    push_blobs(registry, name, blobs, notify=silent)
    registry.push_manifest(name, image.manifest, MANIFEST)
    child = Descriptor(MANIFEST, image.digest, len(image.manifest), platform=AMD64)
    index = Index(schema_version=2, media_type=INDEX, manifests=(DescriptorDocument.of(child),))
    registry.tag(name, "1.0.0", encode(index), INDEX)
    return f"{docker_registry}/{name}:1.0.0", image


@pytest.fixture
def made(engine: Engine) -> Iterator[list[str]]:
    """Names of images that the test makes; they are gone after it."""
    names: list[str] = []
    yield names
    for name in names:
        engine.docker("rmi", "--force", name)


def layers_of(registry_host: str, name: str, folder: Path) -> list[str]:
    """Copy somebody's image into a store of ours and return the files of its layers."""
    store = LayoutStore(folder)
    registry = remote(registry_host)
    copied = copy_version(registry, name, "1.0.0", store, NAME, notify=silent)
    assert copied.descriptor.media_type in {MANIFEST, DOCKER_MANIFEST}
    data, _ = store.get_manifest(NAME, str(copied.descriptor.digest))
    files = []
    for layer in decode(data, ImageManifest).layers:
        content = b"".join(store.open_blob(NAME, layer.value()))
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            files += archive.getnames()
    return files


def test_docker_takes_ours_and_we_take_dockers(
    engine: Engine,
    published: tuple[str, BuiltImage],
    docker_registry: str,
    name: str,
    made: list[str],
    tmp_path: Path,
) -> None:
    reference, image = published
    theirs = f"{docker_registry}/{name}-docker:1.0.0"
    made += [reference, theirs]
    engine.docker("pull", "--quiet", reference)
    layers = json.loads(engine.docker("inspect", "--format", "{{json .RootFS.Layers}}", reference))
    assert layers == [str(layer.diff_id) for layer in image.layers]
    engine.docker("tag", reference, theirs)
    engine.docker("push", "--quiet", theirs)
    files = layers_of(docker_registry, f"{name}-docker", tmp_path / "store")
    assert "opt/algo/app/src/digits.py" in files


@pytest.mark.slow
def test_podman_takes_ours_and_we_take_podmans(
    engine: Engine,
    published: tuple[str, BuiltImage],
    docker_registry: str,
    name: str,
    tmp_path: Path,
) -> None:
    reference, image = published
    theirs = f"{docker_registry}/{name}-podman:1.0.0"
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run_podman(here, "pull", "--quiet", "--tls-verify=false", reference)
        said = run_podman(here, "inspect", "--format", "{{json .RootFS.Layers}}", reference)
        assert json.loads(said) == [str(layer.diff_id) for layer in image.layers]
        run_podman(here, "push", "--quiet", "--tls-verify=false", reference, theirs)
    files = layers_of(docker_registry, f"{name}-podman", tmp_path / "store")
    assert "opt/algo/app/src/digits.py" in files
