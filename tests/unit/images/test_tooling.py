"""Images of languages whose steps their folders name, with an engine that runs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.images.config import LANGUAGE
from algo.images.image import LayerKind
from algo.images.layer import members
from algo.images.sbom.tools import tool_package
from algo.images.tooling import laid_out, unpacked
from algo.languages.errors import BenchMissing, BuildFailed
from algo.oci.manifest import ImageConfig, decode
from algo.project.lock import Lock, Pin, Target
from algo.project.project import Project

from tests.fakes.images import FakeImageEngine
from tests.unit.images.projects import builder, runtimes

if TYPE_CHECKING:
    from pathlib import Path

    from algo.events import Notify
    from algo.images.build import Builder
    from algo.languages.interface import Bench, Job

TOML = """language = "x"
version = "1"
base = "debian:trixie-slim"
command = ["{program}/it"]
[packages]
manager = "xpm"
files = ["x.json"]
lock = ["x.lock"]
install = ["install"]
[build]
command = ["compile", "{app}", "{entrypoint}", "{packages}", "{program}"]
"""


class FakeTools:
    """Leaves a file that is called as what was asked for."""

    def install(
        self, origin: Path, platform: str, folder: Path, bench: Bench, *, notify: Notify
    ) -> None:
        (folder / "lib").mkdir()
        (folder / "lib" / platform.replace("/", "-")).write_text((origin / "x.lock").read_text())


class Failing(FakeImageEngine):
    def work(self, reference: str, job: Job) -> tuple[int, str]:
        self.jobs.append(job)
        return 1, "/opt/algo/app/src/p.x:3: no such thing"


def made(tmp_path: Path, engine: FakeImageEngine | None) -> Builder:
    root = runtimes(tmp_path / "r") if not (tmp_path / "r").exists() else tmp_path / "r"
    (root / "x").mkdir(exist_ok=True)
    (root / "x" / "runtime.toml").write_text(TOML)
    (root / "x" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    return replace(builder(root, tmp_path / "c", engine), tools=lambda language: FakeTools())


def project(root: Path) -> Project:
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(
        '[algorithm]\nname = "acme/p"\nlanguage = "x"\nentrypoint = "src/p.x:apply"\n'
    )
    (root / "x.json").write_text("six")
    (root / "x.lock").write_text("six 1")
    (root / "src" / "p.x").write_text("code")
    return Project.open(root)


def lock(*names: str) -> Lock:
    pins = tuple(Pin(name, "1", ("sha256:00",), "xpm") for name in names)
    targets = {Target(f"linux/{arch}", "xpm"): pins for arch in ("amd64", "arm64")}
    return Lock("", targets, {}, {"x.lock": "sha256:11"} if names else {})


def test_packages_and_program_are_layers_below_the_code(tmp_path: Path) -> None:
    engine = FakeImageEngine()
    image = made(tmp_path, engine).build(project(tmp_path / "p"), lock("six"), notify=silent)
    kinds = [layer.kind for layer in image.layers]
    assert kinds[-3:] == [LayerKind.PACKAGES, LayerKind.PROGRAM, LayerKind.CODE]
    found = {layer.kind: [entry.name for entry, _ in members(layer)] for layer in image.layers[-3:]}
    assert "opt/algo/packages/lib/linux-amd64" in found[LayerKind.PACKAGES]
    assert "opt/algo/program/made" in found[LayerKind.PROGRAM]
    assert "opt/algo/app/x.json" in found[LayerKind.CODE], "it may say how the code is meant"
    assert "opt/algo/app/x.lock" not in found[LayerKind.CODE]
    config = decode(image.config_bytes, ImageConfig).config
    assert config.labels[LANGUAGE] == "x"
    assert config.cmd[-2:] == ("--port", "8080")
    assert "--program" in config.cmd
    (job,) = engine.jobs
    assert job.command == (
        *("compile", "/opt/algo/app", "src/p.x:apply", "/opt/algo/packages", "/opt/algo/program"),
    )
    assert not job.network
    assert {mount.there for mount in job.mounts if not mount.writable} == {
        *("/opt/algo/packages", "/opt/algo/runtimes/x"),
    }


def test_what_did_not_change_is_neither_installed_nor_compiled_again(tmp_path: Path) -> None:
    engine, here = FakeImageEngine(), project(tmp_path / "p")
    first = made(tmp_path, engine).build(here, lock("six"), notify=silent)
    again = made(tmp_path, engine).build(here, lock("six"), notify=silent)
    assert (again.digest, len(engine.jobs)) == (first.digest, 1)
    (here.root / "src" / "p.x").write_text("other code")
    edited = made(tmp_path, engine).build(here, lock("six"), notify=silent)
    assert len(engine.jobs) == 2
    assert edited.layers[-3].descriptor == first.layers[-3].descriptor


def test_code_that_does_not_compile_is_told_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="acme/p does not compile") as caught:
        made(tmp_path, Failing()).build(project(tmp_path / "p"), lock(), notify=silent)
    assert (caught.value.file, caught.value.line) == ("src/p.x", 3)
    assert caught.value.details == "src/p.x:3: no such thing"


def test_without_an_engine_nothing_is_made_for_an_image(tmp_path: Path) -> None:
    here = project(tmp_path / "p")
    made(tmp_path, FakeImageEngine()).build(here, lock(), notify=silent)
    assert made(tmp_path, None).build(here, lock(), notify=silent)
    (here.root / "src" / "p.x").write_text("other code")
    with pytest.raises(BenchMissing, match="no container engine answers"):
        made(tmp_path, None).build(here, lock(), notify=silent)


def test_a_layer_is_laid_out_for_who_runs_it_elsewhere(tmp_path: Path) -> None:
    image = made(tmp_path, FakeImageEngine()).build(
        project(tmp_path / "p"), lock("six"), notify=silent
    )
    packages = image.layers[-3]
    for folder in (unpacked(packages, tmp_path / "c"), laid_out(packages, tmp_path)):
        assert (folder / "lib" / "linux-amd64").read_text() == "six 1"
        assert [path.name for path in folder.iterdir()] == ["lib"]
    assert unpacked(packages, tmp_path / "c") == unpacked(packages, tmp_path / "c")


@pytest.mark.parametrize(
    ("pin", "purl", "expected", "hashed"),
    [
        (
            Pin("@scope/a", "1.0.0", ("sha512-AQI=",), "npm", license="MIT"),
            "npm",
            "pkg:npm/%40scope/a@1.0.0",
            ("SHA-512", "0102"),
        ),
        (
            Pin("org.x:a", "1", ("sha256:0a",), "maven"),
            "maven",
            "pkg:maven/org.x/a@1",
            ("SHA-256", "0a"),
        ),
    ],
)
def test_a_package_of_another_tool_has_its_url_and_its_hash(
    pin: Pin, purl: str, expected: str, hashed: tuple[str, str]
) -> None:
    component = tool_package(pin, purl)
    assert component.purl == expected
    assert [(one.alg, one.content) for one in component.hashes] == [hashed]
    assert [one.expression for one in component.licenses] == ([pin.license] if pin.license else [])
