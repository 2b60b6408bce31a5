from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.engines.errors import ImageBuildFailed
from algo.events import silent
from algo.images.errors import (
    BaseMoved,
    BaseUnfit,
    CannotRebase,
    DockerfileInvalid,
    RuntimeUnavailable,
)
from algo.images.prelude import read_prelude
from algo.oci.descriptor import Platform
from algo.oci.manifest import ImageConfig, decode
from algo.project.errors import ManifestInvalid
from algo.project.lock import Lock, parse, read, render
from algo.project.manifest import parse as parse_manifest
from algo.project.project import Project

from tests.fakes.images import FakeBuild, FakeImageEngine
from tests.unit.images.projects import MANIFEST, builder, lock, project, runtimes

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = """# syntax=docker/dockerfile:1
ARG VERSION=trixie
ARG IMAGE="debian:${VERSION}"
FROM --platform=linux/amd64 gcc:14 AS Build
COPY native \\
     # a comment in the middle
     helper.sh /src/
RUN make
FROM debian:$VERSION-slim
COPY --from=build /src/out /usr/local/lib/
COPY ["data/a b.txt", "/data/"]
COPY <<EOF /etc/motd
hello
EOF
ADD https://example.com/x /x
FROM build
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "native" / ".git").mkdir(parents=True)
    (tmp_path / "native" / "a.c").write_text("int a;")
    (tmp_path / "native" / ".git" / "HEAD").touch()
    (tmp_path / "helper.sh").write_text("#!/bin/sh\n")
    (tmp_path / "helper.sh").chmod(0o755)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a b.txt").write_text("x")
    (tmp_path / "other.py").touch()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


def test_a_dockerfile_says_what_it_begins_with_and_what_it_copies(root: Path) -> None:
    found = read_prelude(root, "Dockerfile")

    assert found.bases == ("gcc:14", "debian:trixie-slim")
    assert [(one.path, one.executable) for one in found.files] == [
        ("data/a b.txt", False),
        ("helper.sh", True),
        ("native/a.c", False),
    ]


def test_other_images_can_take_the_place_of_its_bases(root: Path) -> None:
    places = {"gcc:14": "gcc@sha256:1", "debian:trixie-slim": "x:1"}
    lines = read_prelude(root, "Dockerfile").on(places).decode().splitlines()

    begun = [line for line in lines if line.startswith("FROM")]
    assert begun == ["FROM --platform=linux/amd64 gcc@sha256:1 AS Build", "FROM x:1", "FROM build"]
    assert lines[0] == "# syntax=docker/dockerfile:1"


def test_only_what_it_names_changes_its_key(root: Path) -> None:
    before = read_prelude(root, "Dockerfile").key
    (root / "other.py").write_text("changed")
    assert read_prelude(root, "Dockerfile").key == before
    (root / "native" / "a.c").write_text("int b;")
    assert read_prelude(root, "Dockerfile").key != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RUN true\n", "begins with no image"),
        ("FROM x\nCOPY --from=docker.io/y /a /b\n", "copies from docker.io/y"),
        ("FROM x\nCOPY ../../etc/passwd /b\n", "leads out of the project"),
        ("FROM x\n# \udce9t\udce9\n", "is not UTF-8 at byte 9"),
    ],
)
def test_what_cannot_be_pinned_or_leads_out_is_refused(root: Path, text: str, said: str) -> None:
    (root / "Dockerfile").write_text(text, encoding="utf-8", errors="surrogateescape")

    with pytest.raises(DockerfileInvalid, match=said):
        read_prelude(root, "Dockerfile")


def chosen(root: Path, line: str) -> Project:
    project(root)
    text = MANIFEST.replace("[models]", f"[environment]\n{line}\n[models]")
    (root / "algo.toml").write_text(text)
    return Project.open(root)


def locked(root: Path) -> Lock:
    found = read(root / "algo.lock")
    assert found is not None
    return found


def test_a_base_is_built_on_pinned_and_its_variables_are_kept(tmp_path: Path) -> None:
    engine = FakeImageEngine(variables=("PATH=/x", "CUDA=12", "LANG=C", "SSL_CERT_FILE=/host"))
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine)
    here = chosen(tmp_path / "p", 'base = "cuda:12"')
    image = made.build(here, lock(), notify=silent)
    config = decode(image.config_bytes, ImageConfig).config

    assert locked(here.root).bases == {"linux/amd64 cuda:12": engine.digest_of("cuda:12", "")}
    assert "CUDA=12" in config.env
    assert "PATH=/x" in config.env
    assert not [one for one in config.env if "/host" in one or one == "LANG=C"]
    assert len(config.labels["dev.algo.own-base"]) == 16
    assert len(parse(render(locked(here.root))).bases) == 1


def test_a_base_that_moved_is_fetched_by_its_digest_or_refused(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine)
    here = chosen(tmp_path / "p", 'base = "host:5000/cuda:12"')
    before = made.build(here, lock(), notify=silent)
    pinned = locked(here.root)
    digest = pinned.bases["linux/amd64 host:5000/cuda:12"]
    engine.digests["host:5000/cuda:12"] = "sha256:" + "0" * 64

    # With the runtime image cached nobody has to ask; elsewhere the locked one is fetched.
    assert made.build(here, pinned, notify=silent).digest == before.digest
    other = builder(tmp_path / "r", tmp_path / "c2", engine)
    with pytest.raises(BaseMoved, match="is no longer"):
        other.build(here, pinned, notify=silent)
    engine.digests[f"host:5000/cuda@{digest}"] = digest
    other.build(here, pinned, notify=silent)
    with pytest.raises(RuntimeUnavailable, match="not locked yet"):
        builder(tmp_path / "r", tmp_path / "c3", None).build(here, lock(), notify=silent)


def test_a_dockerfile_comes_first_and_is_no_part_of_the_code(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", engine)
    here = chosen(tmp_path / "p", 'dockerfile = "Dockerfile"')
    (here.root / "Dockerfile").write_text("FROM debian:trixie\nCOPY data /data\n")
    (here.root / "data").mkdir()
    (here.root / "data" / "x").touch()
    first = made.build(here, lock(), notify=silent)

    assert engine.preludes == [(b"FROM debian:trixie\nCOPY data /data\n", ["data/x"])]
    assert not [tag for tag in engine.images if "/build/prelude" in tag]
    (here.root / "src" / "p.py").write_text("def apply(x):\n    return 1\n")
    made.build(here, locked(here.root), notify=silent)
    assert len(engine.preludes) == 1
    (here.root / "Dockerfile").write_text("FROM debian:trixie-slim\nRUN true\n")
    second = made.build(here, locked(here.root), notify=silent)
    assert len(engine.preludes) == 2
    assert first.runtime != second.runtime
    # Another base is another runtime image: the lock follows.
    assert locked(here.root).runtimes["linux/amd64"] == str(second.runtime)


def test_a_rebase_onto_another_base_locks_that_one(tmp_path: Path) -> None:
    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", FakeImageEngine())
    here = chosen(tmp_path / "p", 'base = "cuda:12"')
    made.build(here, lock(), notify=silent)
    text = (here.root / "algo.toml").read_text()
    (here.root / "algo.toml").write_text(text.replace("cuda:12", "cuda:13"))
    image = made.rebase(Project.open(here.root), locked(here.root), notify=silent)

    assert list(locked(here.root).bases) == ["linux/amd64 cuda:13"]
    assert locked(here.root).runtimes == {"linux/amd64": str(image.runtime)}
    # A published image does not say what it stands on: that takes its project.
    with pytest.raises(CannotRebase, match="base of its own") as raised:
        made.rebase_image(image, notify=silent)
    assert raised.value.hint == "in the folder of its project: algo build --rebase"


@pytest.mark.parametrize("line", ['base = "tool:1"', 'dockerfile = "Dockerfile"'])
def test_steps_that_this_machine_cannot_run_are_told_with_what_lets_it(
    tmp_path: Path, line: str
) -> None:
    class Here(FakeImageEngine):
        def build(self, *words: object) -> FakeBuild:
            raise ImageBuildFailed("no", details="exec /bin/sh: exec format error")

        def build_on(self, *words: object) -> FakeBuild:
            return self.build()

    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", Here())
    here = chosen(tmp_path / "p", line)
    (here.root / "Dockerfile").write_text("FROM tool:1\nRUN true\n")
    with pytest.raises(RuntimeUnavailable, match=r"programs for linux/arm64, .* on tool:1") as told:
        made.build(here, lock(), platform=Platform("linux", "arm64"), notify=silent)
    assert "binfmt --install all, then again: algo build --platform linux/arm64" in told.value.hint


def test_a_base_with_another_python_is_refused(tmp_path: Path) -> None:
    class Other(FakeImageEngine):
        def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
            return "3.9.2" if "sys.version_info" in command[-1] else ""

    made = builder(runtimes(tmp_path / "r"), tmp_path / "c", Other())
    with pytest.raises(BaseUnfit, match=r"python3 on debian:11 is not 3\.13"):
        made.build(chosen(tmp_path / "p", 'base = "debian:11"'), lock(), notify=silent)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('base = "x"\ndockerfile = "Dockerfile"', "both base and dockerfile"),
        ('dockerfile = "../Dockerfile"', "outside the project"),
        ('base = "a b"', "is not an image"),
    ],
)
def test_what_the_manifest_says_of_them_is_checked(line: str, said: str) -> None:
    with pytest.raises(ManifestInvalid, match=said):
        parse_manifest(MANIFEST.replace("[models]", f"[environment]\n{line}\n[models]"))
