"""What images ask of a container engine, held on the fake and on the real one."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from algo.engines.docker_builds import PID_LABEL
from algo.engines.docker_client import find
from algo.engines.docker_http import DockerHttp
from algo.engines.docker_images import DockerImages
from algo.engines.errors import BuildKitMissing, ImageBuildFailed, ImageMissing
from algo.images.cache import Cache
from algo.images.config import assemble_runtime
from algo.images.docker_archive import archive
from algo.images.image import LayerKind
from algo.images.layer import make_layer
from algo.images.recipe import host_platform
from algo.images.tree import Entry
from msgspec.structs import replace

from tests.fakes.images import FakeImageEngine
from tests.machine import base, tools
from tests.machine.private_engine import private_engine
from tests.unit.images.projects import AMD64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from algo.images.image import BuiltImage
    from algo.images.interface import ImageEngine

    from tests.conftest import Engine


@pytest.fixture
def owner() -> str:
    return f"test{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["fake", "real"])
def images(request: pytest.FixtureRequest, owner: str) -> Iterator[ImageEngine]:
    if request.param == "fake":
        yield FakeImageEngine()
        return
    docker = request.getfixturevalue("engine")
    yield DockerImages(find(os.environ, Path.home()), os.environ)
    for line in docker.docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
        if f"/{owner}/" in line:
            docker.docker("rmi", "--force", line)


def image(root: Path, owner: str, *contents: str) -> BuiltImage:
    cache = Cache(root)
    layers = [
        make_layer(
            cache,
            LayerKind.CODE,
            "code",
            content,
            [Entry("file", content.encode())],
            compress=bool(place),
        )
        for place, content in enumerate(contents)
    ]
    return assemble_runtime(f"{owner}/x", AMD64, tuple(layers), "/bin", cache)


def test_a_whole_archive_is_loaded_and_known_by_its_layers(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = image(tmp_path, owner, owner, "b")

    assert not images.has(made.tag)
    assert images.load(archive((made,))) == ""
    assert images.has(made.tag)
    assert images.layers_of(f"algo.local/{owner}/x") == (
        tuple(str(layer.diff_id) for layer in made.layers),
    )
    assert images.layers_of(made.tag) == images.layers_of(f"algo.local/{owner}/x")
    assert images.layers_of("algo.local/nobody/x") == ()
    assert images.layers_of("algo.local/nobody/x:1") == ()


def test_layers_that_the_engine_has_may_be_empty(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    images.load(archive((image(tmp_path, owner, owner, "b"),)))
    edited = image(tmp_path, owner, owner, "c")

    assert images.load(archive((edited,), known=1)) == ""
    assert images.has(edited.tag)


def test_layers_that_the_engine_lacks_may_not_be_empty(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = image(tmp_path, owner, owner, "b")

    assert images.load(archive((made,), known=1)) != ""
    assert not images.has(made.tag)


def test_the_oldest_images_of_a_name_are_pruned(
    images: ImageEngine, tmp_path: Path, owner: str
) -> None:
    made = [image(tmp_path, owner, owner, str(number)) for number in range(4)]
    for one in made:
        images.load(archive((one,)))
        images.touch(one.tag)
    images.prune(f"algo.local/{owner}/x", keep=2)

    assert [images.has(one.tag) for one in made] == [False, False, True, True]


def test_a_removed_image_is_gone(images: ImageEngine, tmp_path: Path, owner: str) -> None:
    made = image(tmp_path, owner, owner)
    images.load(archive((made,)))
    images.remove(made.tag)
    images.remove(made.tag)

    assert not images.has(made.tag)


def test_a_build_is_exported_with_its_layers(images: ImageEngine, owner: str) -> None:
    lines: list[str] = []
    tag = f"algo.local/{owner}/build:1"
    recipe = b"ARG BASE\nFROM ${BASE}\nRUN true > /made\n"
    built = images.build(recipe, "debian:trixie-slim", tag, {}, str(AMD64), lines.append)
    (layers,) = images.layers_of(f"algo.local/{owner}/build")

    assert built.private < set(layers)
    assert built.began > 0
    assert sum(len(chunk) for chunk in images.export(tag)) > 0
    assert any(line.startswith("Step ") for line in lines)


def test_a_stage_that_a_build_copies_from_is_not_left_behind(
    engine: Engine, owner: str, tmp_path: Path
) -> None:
    """A compiler's stage is larger than what is made with it."""
    images = DockerImages(find(os.environ, tmp_path), os.environ)
    tag, platform = f"algo.local/{owner}/stages:1", str(host_platform())
    recipe = b"""ARG BASE
FROM ${BASE} AS first
COPY source /made/source
RUN tr a-z A-Z < /made/source > /made/result
FROM ${BASE}
COPY --from=first /made /made
"""
    try:
        files = {"source": b"text"}
        images.build(recipe, base.IMAGE, tag, {}, platform, lambda line: None, files=files)
        left = [pid for _, pid in DockerHttp(images.address).last_steps(PID_LABEL)]
        _, layers = in_image(images, tag)
    finally:
        images.remove(tag)
    with tarfile.open(fileobj=io.BytesIO(list(layers.values())[-1])) as top:
        (result,) = [one for one in top if one.name.endswith("made/result")]
        held = top.extractfile(result)
        assert held is not None
        assert held.read() == b"TEXT"
    assert str(os.getpid()) not in left


PRELUDE = """ARG BASE
FROM {base}
COPY tool.sh /usr/local/bin/tool
RUN tool > /made && grep -q marker "$SSL_CERT_FILE" && test ${{#NO_PROXY}} = 11
ENV FROM_PRELUDE=1
"""


def in_image(images: ImageEngine, tag: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the config of an image, and each layer's tar by its diff id."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(images.export(tag)))) as archive:
        files = {one.name: found.read() for one in archive if (found := archive.extractfile(one))}
    (entry,) = json.loads(files["manifest.json"])
    config = json.loads(files[entry["Config"]])
    layers = (files[name] for name in entry["Layers"])
    return config, dict(zip(config["rootfs"]["diff_ids"], layers, strict=True))


@pytest.fixture(scope="module")
def docker28() -> Iterator[str]:
    """The address of a Docker 28, whose client finds BuildKit as a plugin."""
    programs = tools.fetch("docker28").parents[2]
    with (
        tempfile.TemporaryDirectory() as name,
        private_engine(Path(name), base.IMAGE, number=248, programs=programs) as engine,
    ):
        yield engine.address


@pytest.mark.parametrize("version", ["20", pytest.param("28", marks=pytest.mark.slow)])
def test_somebodys_dockerfile_is_built_and_what_is_of_this_machine_can_be_told_apart(
    version: str, engine: Engine, owner: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(Path("/etc/ssl/certs/ca-certificates.crt").read_text() + "# marker\n")
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    env = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(bundle), "NO_PROXY": "secret-host"}
    (plugins / "docker-buildx").symlink_to(tools.fetch("buildx"))
    if version == "28":
        env["DOCKER_HOST"] = request.getfixturevalue("docker28")
    env["DOCKER_CONFIG"] = str(tmp_path / "docker")
    images = DockerImages(find(env, tmp_path), env)
    tag, platform = f"algo.local/{owner}/prelude:1", str(host_platform())
    digest = images.digest_of(base.IMAGE, platform)
    lines: list[str] = []
    try:
        built = images.build_on(
            lambda places: PRELUDE.format(base=places[base.IMAGE]).encode(),
            {"tool.sh": (b"#!/bin/sh\necho made\n", True)},
            {base.IMAGE: base.IMAGE},
            tag,
            platform,
            lines.append,
        )
        config, layers = in_image(images, tag)
    finally:
        images.remove(tag)

    assert digest.startswith("sha256:")
    kept = {one: data for one, data in layers.items() if one not in built.private}
    assert len(layers) - len(kept) == 1
    assert any(b"made\n" in data for data in kept.values())
    assert not [one for one, data in kept.items() if b"# marker" in data or b"secret-host" in data]
    variables = set(config["config"]["Env"]) - built.variables
    assert "FROM_PRELUDE=1" in variables
    assert not [one for one in variables if "algo-build" in one]
    assert "secret-host" not in json.dumps(config)
    assert any("tool > /made" in line for line in lines)
    left = [tag for one in images.client.images() for tag in one.get("RepoTags") or ()]
    assert not [tag for tag in left if tag.endswith(f"-{os.getpid()}")]


def test_a_dockerfile_that_fails_tells_its_last_lines_and_leaves_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(tools.fetch("buildx"))
    env = {**os.environ, "DOCKER_CONFIG": str(tmp_path / "docker")}
    images = DockerImages(find(os.environ, Path.home()), env)
    platform = str(host_platform())
    recipe = b"FROM debian:trixie-slim\nRUN printf '\\033[31mbecause\\033[0m\\n' && false\n"
    with pytest.raises(ImageBuildFailed) as raised:
        images.build_on(lambda _: recipe, {}, {}, "algo.local/x/y:1", platform, lambda line: None)
    assert raised.value.details == "because"
    assert "step [2/2] RUN printf" in raised.value.message
    assert raised.value.message.endswith("ended with code 1")
    wrong = b"FROM debian:trixie-slim\nRUNN true\n"
    with pytest.raises(ImageBuildFailed, match="unknown instruction: RUNN"):
        images.build_on(lambda _: wrong, {}, {}, "algo.local/x/y:1", platform, lambda line: None)
    with pytest.raises(ImageMissing, match=r"there is no 127\.0\.0\.1:9/x for"):
        images.digest_of("127.0.0.1:9/x", platform)
    with pytest.raises(ImageMissing, match=r"there is no Debian:12 for .*must be lowercase"):
        images.digest_of("Debian:12", platform)
    without = DockerImages(find(os.environ, Path.home()), {**os.environ, "PATH": str(tmp_path)})
    with pytest.raises(BuildKitMissing):
        without.build_on(lambda _: recipe, {}, {}, "x", platform, lambda line: None)


def test_a_build_that_fails_tells_the_step_and_what_it_wrote(engine: Engine) -> None:
    images = DockerImages(find(os.environ, Path.home()), os.environ)
    recipe = b"ARG BASE\nFROM $BASE\nRUN true\nRUN printf '\\033[31mno\\033[0m' >&2; exit 3\n"
    tag, platform = "algo.local/x/fails:1", str(host_platform())
    lines: list[str] = []
    with pytest.raises(ImageBuildFailed) as raised:
        images.build(recipe, base.IMAGE, tag, {}, platform, lines.append)
    assert "step 4/4 (RUN printf" in raised.value.message
    assert raised.value.message.endswith("ended with code 3")
    assert raised.value.details == "no"
    assert not any("\x1b" in line for line in lines)


def test_the_tag_follows_the_content(tmp_path: Path, owner: str) -> None:
    one = image(tmp_path, owner, "a")

    assert replace(one).tag == image(tmp_path, owner, "a").tag
    assert one.tag != image(tmp_path, owner, "b").tag
