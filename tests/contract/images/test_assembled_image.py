"""An image assembled from real packages, in the real engine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.engines.docker_client import find
from algo.engines.docker_images import DockerImages
from algo.environments.interpreters import this_interpreter
from algo.environments.locking import Locking, ensure_lock
from algo.environments.pip import Pip
from algo.events import silent
from algo.images.build import Builder
from algo.images.cache import Cache
from algo.images.deliver import IntoFile, deliver
from algo.images.load import ensure_loaded
from algo.images.recipe import host_platform
from algo.images.sbom.generate import sbom
from algo.languages.runtimes import Runtimes
from algo.project.project import Project

from tests.machine.pinned import CLIENTS
from tests.unit.images.projects import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from algo.images.image import BuiltImage
    from algo.oci.descriptor import Platform

    from tests.conftest import Engine

DOCKERFILE = """
ARG BASE=debian:trixie-slim
FROM ${BASE}
RUN apt-get update \\
 && apt-get install -y --no-install-recommends python3 \\
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /var/lib/dpkg/*-old \\
 && find / -xdev -name __pycache__ -prune -exec rm -rf {} +
"""
GATEWAY = """
import sys
sys.path.insert(0, "/opt/algo/packages")
import six, p
print(six.__version__, six.__cached__, p.apply(1))
"""


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runtimes")
    (root / "gateway" / "algo_gateway").mkdir(parents=True)
    (root / "gateway" / "algo_gateway" / "__main__.py").write_text(
        f"import sys\nsys.path.insert(0, '/opt/algo/app/src')\n{GATEWAY}"
    )
    (root / "gateway" / "requirements.txt").write_text("")
    (root / "python").mkdir()
    (root / "python" / "Dockerfile").write_text(DOCKERFILE)
    (root / "python" / "runtime.toml").write_text(
        'language = "python"\nversion = "3.13"\nbase = "debian:trixie-slim"\n'
        '[packages]\nmanager = "pip"\n'
    )
    (root / "python" / "runner.py").touch()
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("project")
    (root / "src").mkdir()
    (root / "models").mkdir()
    owner = f"test{uuid.uuid4().hex[:8]}"
    (root / "algo.toml").write_text(MANIFEST.replace("acme/", f"{owner}/"))
    (root / "requirements.in").write_text("six==1.17.0\n")
    (root / "src" / "p.py").write_text("def apply(x):\n    return x\n")
    (root / "models" / "small.bin").write_bytes(bytes(1000))
    yield Project.open(root)
    for line in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
        if f"/{owner}/" in line:
            engine.docker("rmi", "--force", line)


@pytest.fixture(scope="module")
def images() -> DockerImages:
    return DockerImages(find(os.environ, Path.home()), os.environ)


def build(
    runtimes: Path,
    project: Project,
    cache: Path,
    images: DockerImages | None,
    platform: Platform | None = None,
) -> BuiltImage:
    packages = Pip(os.environ)
    lock = ensure_lock(project, Locking(packages, this_interpreter(), "3.13"), notify=silent)
    builder = Builder(
        Cache(cache), Runtimes(runtimes), packages, images, lambda minor: None, host_platform()
    )
    return builder.build(project, lock, platform=platform, notify=silent)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def image(runtimes: Path, project: Project, cache: Path, images: DockerImages) -> BuiltImage:
    return build(runtimes, project, cache, images)


def test_plain_docker_runs_it_with_compiled_packages(
    engine: Engine, image: BuiltImage, images: DockerImages
) -> None:
    reference = ensure_loaded(image, images, notify=silent)
    answer = engine.docker("run", "--rm", "--read-only", "--network=none", reference)

    assert answer == "1.17.0 /opt/algo/packages/__pycache__/six.cpython-313.pyc 1"


def test_another_cache_gives_the_same_digest(
    runtimes: Path, project: Project, image: BuiltImage, images: DockerImages, tmp_path: Path
) -> None:
    again = build(runtimes, project, tmp_path, images)

    assert [str(layer.descriptor.digest) for layer in again.layers] == [
        str(layer.descriptor.digest) for layer in image.layers
    ]
    assert again.digest == image.digest


def test_once_the_runtime_is_cached_no_engine_is_needed(
    runtimes: Path, project: Project, cache: Path, image: BuiltImage
) -> None:
    assert build(runtimes, project, cache, None).digest == image.digest


def test_certificates_proxies_and_paths_of_this_machine_are_not_in_it(
    image: BuiltImage, cache: Path
) -> None:
    import tarfile

    names: set[str] = set()
    for layer in image.layers:
        with tarfile.open(layer.blob) as archive:
            names |= set(archive.getnames())

    assert not [name for name in names if "algo-build" in name]
    for secret in (str(cache), os.environ.get("SSL_CERT_FILE", "no bundle")):
        assert secret.encode() not in image.config_bytes


def test_what_the_engine_runs_is_what_was_assembled(
    engine: Engine, image: BuiltImage, images: DockerImages
) -> None:
    reference = ensure_loaded(image, images, notify=silent)
    (facts,) = json.loads(engine.docker("image", "inspect", reference))

    assert facts["Id"] == str(image.config.digest)
    assert facts["Config"]["User"] == "65532:65532"


def test_its_bill_of_materials_fits_the_schema_and_names_every_package(
    engine: Engine,
    image: BuiltImage,
    images: DockerImages,
    tmp_path: Path,
    client_python: Callable[[str], Path],
) -> None:
    document = sbom(image, version="1.0.0")
    (tmp_path / "sbom.json").write_bytes(document)
    command = [
        client_python("cyclonedx"),
        CLIENTS / "cyclonedx_validate.py",
        tmp_path / "sbom.json",
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")

    reference = ensure_loaded(image, images, notify=silent)
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n"]
    installed = engine.docker("run", "--rm", "--network=none", reference, *query).splitlines()
    parts = json.loads(document)["components"]
    named = {f"{one['name']} {one.get('version', '')}" for one in parts}
    assert len(installed) > 50
    assert {*installed, "six 1.17.0"} <= named
    (model,) = [one for one in parts if one["type"] == "machine-learning-model"]
    assert model["hashes"][0]["content"] == hashlib.sha256(bytes(1000)).hexdigest()


def test_skopeo_reads_the_file(image: BuiltImage, skopeo: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    deliver((image,), "1.0.0", IntoFile(path), notify=silent)
    done = subprocess.run(
        [skopeo, "inspect", f"oci-archive:{path}"], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout)["Digest"] == str(image.digest)


def test_docker_loads_the_file(
    engine: Engine, image: BuiltImage, images: DockerImages, tmp_path: Path
) -> None:
    path = tmp_path / "image.tar"
    deliver((image,), "1.0.0", IntoFile(path), notify=silent)
    images.remove(image.tag)

    assert image.tag in engine.docker("load", "--input", str(path))
